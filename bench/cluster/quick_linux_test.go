//go:build !cluster

package main

const whole = false
