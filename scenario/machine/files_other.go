//go:build !unix

package machine

// RaiseFiles does nothing: this system has no such limit.
func RaiseFiles() {}

func files() (soft, hard int) { return 0, 0 }
