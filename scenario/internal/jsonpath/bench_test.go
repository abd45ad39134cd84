package jsonpath

import "testing"

// What a step of a flow costs that matches a value of its answer and captures one.
func BenchmarkMatchAndCapture(b *testing.B) {
	args := []byte(`{"ok":true,"n":5,"user":{"id":"u-12345","name":"Ada","rooms":["a","b","c"]},"token":"eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo"}`)
	n, _ := Parse("$.n")
	token, _ := Parse("$.token")
	b.ReportAllocs()
	for b.Loop() {
		doc, err := Args(args)
		if err != nil {
			b.Fatal(err)
		}
		want, _ := Decode([]byte("5"))
		if got, found := doc.First(&n); !found || !Equal(got, want) {
			b.Fatal(got)
		}
		if doc, err = Args(args); err != nil {
			b.Fatal(err)
		}
		got, _ := doc.First(&token)
		if text := Append(nil, got); len(text) < 10 {
			b.Fatal(text)
		}
	}
}
