package file

import _ "embed" // the schema

//go:embed scenario.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the scenario files that
// this version reads, for editors. It knows every key and the form of every
// value, but not what values mean together: Parse refuses more. The caller owns
// the slice.
func Schema() []byte { return append([]byte(nil), schema...) }
