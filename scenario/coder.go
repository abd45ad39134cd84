package scenario

import (
	"encoding/binary"
	"errors"
	"math"
)

// A coder writes values to its bytes or reads them from there, so that one function describes both
// directions of a message. Whole numbers are varints. A read value is never larger than a few times
// the bytes it was read from. After an error, reading gives zeros.
type coder struct {
	b       []byte
	reading bool
	err     error
}

var errPortion = errors.New("it cannot be read: it was cut short, or is of another version")

func (c *coder) int(v *int64) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	n := 0
	if *v, n = binary.Varint(c.b); n <= 0 {
		c.fail()
		*v = 0
		return
	}
	c.b = c.b[n:]
}

func (c *coder) fail() {
	c.b = nil
	if c.err == nil {
		c.err = errPortion
	}
}

// place is an int for a number that is one by nature.
func (c *coder) place(v *int) {
	x := int64(*v)
	c.int(&x)
	if x < math.MinInt32 || x > math.MaxInt32 {
		c.fail()
		x = 0
	}
	*v = int(x)
}

func (c *coder) bool(v *bool) {
	x := int64(0)
	if *v {
		x = 1
	}
	if c.int(&x); x&^1 != 0 {
		c.fail()
	}
	*v = x == 1
}

func (c *coder) float(v *float64) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint64(c.b, math.Float64bits(*v))
		return
	}
	if *v = 0; len(c.b) < 8 {
		c.fail()
		return
	}
	*v = math.Float64frombits(binary.LittleEndian.Uint64(c.b))
	c.b = c.b[8:]
}

func (c *coder) text(v *string) {
	n := len(*v)
	if c.place(&n); !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	if *v = ""; n < 0 || n > len(c.b) {
		c.fail()
		return
	}
	*v, c.b = string(c.b[:n]), c.b[n:]
}

// codeEach codes a list; each item takes a byte at least.
func codeEach[T any](c *coder, list *[]T, one func(v *T)) {
	n := len(*list)
	if c.place(&n); c.reading {
		*list = nil
		if n < 0 || n > len(c.b) {
			c.fail()
			return
		}
	}
	for i := range n {
		if c.reading {
			if c.err != nil {
				*list = nil
				return
			}
			*list = append(*list, *new(T))
		}
		one(&(*list)[i])
	}
}

func (c *coder) ints(list *[]int64) { codeEach(c, list, c.int) }

// finish returns the error of reading, which is one too when bytes are left.
func (c *coder) finish() error {
	if c.reading && c.err == nil && len(c.b) > 0 {
		c.fail()
	}
	return c.err
}
