package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

// hash shortens a text that identifies a machine or a program, so that it does not name it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Build says which program this is. Members of a run must be the same: they plan the same trial
// from the same file. A build that no revision describes is known by its bytes.
var Build = sync.OnceValue(func() string {
	env := result.Environment()
	version, commit := env["throng"], env["commit"]
	if commit != "" && !strings.Contains(commit, "+") {
		return version + " " + commit
	}
	if version != "devel" {
		return version
	}
	return "devel " + program()
})

// program is the hash of the program's file and for which system it was built.
func program() string {
	name, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(name)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%s/%s %s", runtime.GOOS, runtime.GOARCH, hex.EncodeToString(sum.Sum(nil)[:8]))
}

// describe says what this machine can carry.
func describe(name string, labels map[string]string) result.Agent {
	machine.RaiseFiles()
	l := machine.ReadLimits()
	cores := machine.Usable(os.Getpid())
	return result.Agent{
		Name: name, Labels: labels, Version: Build(), Cores: cores, Files: int64(l.FilesSoft), Weight: cores,
	}
}

// simple is what names and labels may look like.
var simple = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,64}$`)

// ParseLabels reads labels of the form KEY=VALUE.
func ParseLabels(words []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || !simple.MatchString(key) || !simple.MatchString(value) {
			return nil, fmt.Errorf("the label %q is not KEY=VALUE of up to 64 letters, digits and _.:/-; write one such as zone=a", word)
		}
		labels[key] = value
	}
	return labels, nil
}
