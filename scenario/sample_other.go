//go:build !linux

package scenario

func ownUsage() usage { return usage{} }

func processUsage(int) usage { return usage{} }
