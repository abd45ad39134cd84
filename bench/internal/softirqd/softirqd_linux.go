// Package softirqd finds the kernel's threads that do what interrupts have left over. On loopback
// the receiving half of TCP runs in the sender's system call, unless that takes long: then it is
// left to ksoftirqd of the processor, whose time is no process's. Costs that are compared across
// ways of sending are not whole without it.
package softirqd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Find returns the process of ksoftirqd on one processor. Within a container it is not to be seen,
// which is an error.
func Find(cpu int) (pid int, err error) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		if pid, err = strconv.Atoi(e.Name()); err != nil {
			continue
		}
		name, err := os.ReadFile("/proc/" + e.Name() + "/comm")
		if err == nil && strings.TrimSpace(string(name)) == fmt.Sprintf("ksoftirqd/%d", cpu) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("no ksoftirqd/%d is to be seen: in a container, run it on the machine itself", cpu)
}
