package export

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/throng-io/throng/scenario/result"
)

// formats are what Write writes, and the file of each.
var formats = []struct {
	name, file string
	write      func(b *bytes.Buffer, run *result.Run) error
}{
	{"csv", "timeline.csv", writeCSV},
	{"md", "summary.md", surely(writeMarkdown)},
	{"junit", "junit.xml", writeJUnit},
	{"openmetrics", "metrics.txt", surely(writeOpenMetrics)},
}

// surely is a writer that cannot fail as one that could.
func surely(write func(b *bytes.Buffer, run *result.Run)) func(*bytes.Buffer, *result.Run) error {
	return func(b *bytes.Buffer, run *result.Run) error {
		write(b, run)
		return nil
	}
}

// Formats returns the names of the formats.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Files returns the names of the files of all formats, in the order of Formats.
func Files() (names []string) {
	for _, f := range formats {
		names = append(names, f.file)
	}
	return names
}

// Write writes run into dir, which is made when missing, for another program to read:
//
//	csv          timeline.csv, a row per second of each cell
//	md           summary.md, what a comment on a pull request should say
//	junit        junit.xml, each check of each cell as a test case
//	openmetrics  metrics.txt, the totals of each cell as OpenMetrics text
//
// Other formats are an error.
func Write(dir, format string, run *result.Run) error {
	for _, f := range formats {
		if f.name != format {
			continue
		}
		var b bytes.Buffer
		err := f.write(&b, run)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.file), b.Bytes(), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the result as %s: %w", format, err)
		}
		return nil
	}
	return fmt.Errorf("unknown format %q", format)
}
