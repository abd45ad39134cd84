//go:build !linux

package scenario

func selfUsage() usage { return usage{} }

func processUsage(int) usage { return usage{} }
