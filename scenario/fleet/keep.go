package fleet

import (
	"bufio"
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/regular"
)

// Limits of what an agent keeps.
const (
	keptFor    = 24 * time.Hour
	keptOfPart = 256 << 20 // bytes of its part of one trial
	keptInAll  = 1 << 30   // bytes of all of them
)

// keptEnding ends the names of the files in which agents keep what they report.
const keptEnding = ".part"

// A keeping is the file in which an agent keeps what it reports of a trial, since its controller
// may be gone before it has written that down. The file is made with the first report. After its
// head, which is one line of JSON, each report follows its length; the length 0 ends it. The nil
// keeping keeps nothing. Goroutines may share it.
type keeping struct {
	path string
	head keptHead
	logf func(format string, args ...any)

	mu   sync.Mutex
	file *os.File
	size int
	over bool // nothing is added any more
}

// A keptHead says what a file has.
type keptHead struct {
	Run   string `json:"run"`
	Trial uint32 `json:"trial"`
	Self  int    `json:"self"` // the agent's place
	Build string `json:"build"`
	Proof []byte `json:"proof"` // the hash of what the run's controller knows
}

// A ticket is what the controller of a trial knows, and another one needs to get what its agents
// keep.
type ticket struct {
	Run   string `json:"run"`
	Trial uint32 `json:"trial"`
	Proof []byte `json:"proof"`
	// Local: the agents ended with their controller, and have left their files in its directory.
	Local bool `json:"local,omitempty"`
}

// proofOf is known to the members of a run only.
func proofOf(secret []byte, run string) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, "throng run "+run+" kept", 32)
}

func hashOf(proof []byte) []byte {
	sum := sha256.Sum256(proof)
	return sum[:]
}

// runName is how runs are named: what else a controller says is no name for a file.
var runName = regexp.MustCompile(`^[A-Z2-7]{16,40}$`)

func newKeeping(dir string, head keptHead, logf func(string, ...any)) *keeping {
	if dir == "" || !runName.MatchString(head.Run) {
		return nil
	}
	return &keeping{path: filepath.Join(dir, fmt.Sprintf("%s-%d-%d%s", head.Run, head.Trial, head.Self, keptEnding)), head: head, logf: logf}
}

// add keeps a report.
func (k *keeping) add(report []byte) {
	if k == nil || len(report) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	err := k.begin()
	if err == nil && k.size+len(report) > keptOfPart {
		err = fmt.Errorf("it has %d MiB already", k.size>>20)
	}
	if err == nil {
		err = k.write(append(binary.AppendUvarint(nil, uint64(len(report))), report...))
	}
	if err != nil {
		k.close()
		k.logf("what is measured from now on is not kept for the case that the controller is killed: %v", err)
	}
}

// begin makes the file. The lock is held.
func (k *keeping) begin() error {
	if k.file != nil {
		return nil
	}
	dir := filepath.Dir(k.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tidy(dir)
	head, err := json.Marshal(k.head)
	if err != nil {
		return err
	}
	if k.file, err = os.OpenFile(k.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	return k.write(append(head, '\n'))
}

// write writes at once, so that only the last report of a file can be incomplete.
func (k *keeping) write(b []byte) error {
	_, err := k.file.Write(b)
	k.size += len(b)
	return err
}

// end says that no more comes.
func (k *keeping) end() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file != nil && !k.over {
		if err := k.write([]byte{0}); err != nil {
			k.logf("what was measured is not kept to its end: %v", err)
		}
	}
	k.close()
}

func (k *keeping) close() {
	if k.over = true; k.file != nil {
		_ = k.file.Close() // what was written can be read
	}
}

// drop removes the file: the controller has what is in it.
func (k *keeping) drop() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.close()
	if k.file != nil {
		_ = os.Remove(k.path) // it grows old and is removed then
	}
}

// tidy removes files that are too old, and the oldest of those that are too many.
func tidy(dir string) {
	all, total := keptIn(dir), int64(0)
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, info := range all {
		if total += info.Size(); total > keptInAll-keptOfPart || time.Since(info.ModTime()) > keptFor {
			_ = os.Remove(filepath.Join(dir, info.Name()))
		}
	}
}

// keptIn lists the files of a directory that agents keep.
func keptIn(dir string) (all []fs.FileInfo) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && filepath.Ext(e.Name()) == keptEnding {
			all = append(all, info)
		}
	}
	return all
}

// A keptPart is what an agent has kept of a trial.
type keptPart struct {
	head    keptHead
	reports [][]byte
	whole   bool // to its end
}

// readPart reads what is in a file of an agent, which may be writing to it.
func readPart(text []byte) (p keptPart, err error) {
	head, rest, found := bytes.Cut(text, []byte("\n"))
	if !found || json.Unmarshal(head, &p.head) != nil || p.head.Self < 0 {
		return p, errors.New("it is not what an agent keeps")
	}
	for !p.whole {
		n, size := binary.Uvarint(rest)
		switch {
		case size <= 0 || n > uint64(len(rest)-size):
			return p, nil // the rest was not written any more
		case n == 0:
			p.whole = true
		default:
			p.reports = append(p.reports, rest[size:size+int(n)])
			rest = rest[size+int(n):]
		}
	}
	return p, nil
}

// has reports whether the head is of the trial that a ticket is for.
func (t *ticket) has(h *keptHead) bool {
	return h.Run == t.Run && h.Trial == t.Trial && subtle.ConstantTimeCompare(h.Proof, hashOf(t.Proof)) == 1
}

// filesOf are the files in a directory that a ticket is for.
func (t *ticket) filesOf(dir string) (paths []string) {
	for _, info := range keptIn(dir) {
		path := filepath.Join(dir, info.Name())
		if h, err := headOf(path); err == nil && t.has(&h) {
			paths = append(paths, path)
		}
	}
	return paths
}

// headOf reads the head of a file.
func headOf(path string) (h keptHead, err error) {
	f, err := regular.Open(path, 2*keptOfPart)
	if err != nil {
		return h, err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 64<<10)).ReadBytes('\n')
	if err != nil {
		return h, err
	}
	return h, json.Unmarshal(line, &h)
}

// partsIn names the runs and the agents in them of which a directory has files.
func partsIn(dir string) (parts []string) {
	for _, info := range keptIn(dir) {
		if h, err := headOf(filepath.Join(dir, info.Name())); err == nil && !slices.Contains(parts, partName(h.Run, h.Self)) {
			parts = append(parts, partName(h.Run, h.Self))
		}
	}
	return parts
}

func partName(run string, self int) string { return run + "-" + strconv.Itoa(self) }
