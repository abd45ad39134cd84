package export

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/throng-io/throng/scenario/result"
)

// Names of the files that WriteFormat leaves, by format.
var formatFiles = map[string]string{"csv": "timeline.csv", "md": "summary.md", "junit": "junit.xml", "openmetrics": "metrics.txt"}

// Write writes run into dir, which is made when missing, for another program to read:
//
//	csv          timeline.csv, a row per second of each cell
//	md           summary.md, what a comment on a pull request should say
//	junit        junit.xml, each check of each cell as a test case
//	openmetrics  metrics.txt, the totals of each cell as OpenMetrics text
//
// Other formats are an error.
func Write(dir, format string, run *result.Run) error {
	var b bytes.Buffer
	var err error
	switch format {
	case "csv":
		err = writeCSV(&b, run)
	case "md":
		writeMarkdown(&b, run)
	case "junit":
		err = writeJUnit(&b, run)
	case "openmetrics":
		writeOpenMetrics(&b, run)
	default:
		return fmt.Errorf("unknown format %q; use pdf, csv, md, junit or openmetrics", format)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, formatFiles[format]), b.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the result as %s: %w", format, err)
	}
	return nil
}
