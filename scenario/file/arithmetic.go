package file

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	exprfile "github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// Arithmetic stands where a count, a rate, a size or a duration does: ${people} / 20, or
// max(${rate} * 2, 10/s). The grammar is expr's; of its language only numbers with their units, the
// four operations, parentheses and a few functions are known.

// A quantity is a number with a unit: the powers of bytes and of seconds in it. A rate has seconds
// to the power of -1.
type quantity struct {
	v              float64
	bytes, seconds int
}

// unitOf are the units of what a value may be.
var (
	aNumberUnit   = quantity{}
	aRateUnit     = quantity{seconds: -1}
	aSizeUnit     = quantity{bytes: 1}
	aDurationUnit = quantity{seconds: 1}
	aReadRateUnit = quantity{bytes: 1, seconds: -1}
)

func (q quantity) like(p quantity) bool { return q.bytes == p.bytes && q.seconds == p.seconds }

// kind names the unit in messages.
func (q quantity) kind() string {
	for _, k := range []struct {
		unit quantity
		name string
	}{{aNumberUnit, "a number"}, {aRateUnit, "a rate"}, {aSizeUnit, "a size"}, {aDurationUnit, "a duration"}, {aReadRateUnit, "bytes per second"}} {
		if q.like(k.unit) {
			return k.name
		}
	}
	return "of another unit"
}

// maxArithmetic bounds the length of an expression, in bytes.
const maxArithmetic = 1000

const arithmeticHint = "use numbers with their units, + - * / ( ), and min, max, ceil, floor, round"

// functions are the functions of arithmetic, with how many arguments they take; -1: one or more.
var functions = map[string]int{"min": -1, "max": -1, "ceil": 1, "floor": 1, "round": 1}

var (
	timeUnits = `(?:ns|us|ms|s|m|h)`
	digits    = `\d+(?:\.\d+)?`

	// reAmount finds an amount with its unit in a text: a rate, bytes per second, a size, a
	// duration, a share, a count with a letter, or a bare number.
	reAmount = regexp.MustCompile(digits + `(?:\s*[kKM]?\s*/\s*[smh]\b|\s*(?:[kKmMgG][iI]?)?[bB]\s*/\s*s\b|\s*(?:[kKmMgG][iI]?)?[bB]\b|\s*%|\s*[kKM]\b|\s*` + timeUnits + `(?:\s*` + digits + `\s*` + timeUnits + `)*\b|)`)

	reWord       = regexp.MustCompile(`[A-Za-z][A-Za-z0-9_.]*`)
	reOperator   = regexp.MustCompile(`[-+*/(]`)
	reArithmetic = regexp.MustCompile(`^[A-Za-z0-9.,%()+*/\s-]+$`)
)

// isArithmetic reports whether a text is meant as arithmetic rather than as an amount with a slip
// in it: it has an operation besides those in the units of its amounts, and no words but the
// functions.
func isArithmetic(text string) bool {
	rest := reAmount.ReplaceAllString(text, "1")
	rest = strings.TrimLeft(rest, " -+")
	if !reOperator.MatchString(rest) {
		return false
	}
	for _, at := range reWord.FindAllStringIndex(rest, -1) {
		_, known := functions[rest[at[0]:at[1]]]
		if !known || !strings.HasPrefix(strings.TrimLeft(rest[at[1]:], " "), "(") { // 30/min calls nothing
			return strings.ContainsAny(rest, "+*") // 200/sec has a wrong unit; 2 * rat a wrong word
		}
	}
	return true
}

// terms are the numbers of an expression, by where they begin.
type terms map[int]quantity

// arithmetic computes an expression.
func arithmetic(text string) (quantity, *flaw) {
	bad := func(why string) (quantity, *flaw) {
		return quantity{}, &flaw{fmt.Sprintf("%q cannot be computed: %s", clip(text), why), arithmeticHint}
	}
	switch {
	case len(text) > maxArithmetic:
		return bad(fmt.Sprintf("it is longer than %d bytes", maxArithmetic))
	case !reArithmetic.MatchString(text):
		for i, r := range text {
			if !reArithmetic.MatchString(string(r)) {
				return bad(fmt.Sprintf("%q at character %d is unknown", r, i+1))
			}
		}
	case strings.Contains(text, "//"), strings.Contains(text, "/*"):
		return bad("it has a comment")
	}
	// In the place of each amount stands a name of as many underscores, so that the units are none
	// of the grammar and the places of mistakes stay.
	found := terms{}
	plain := []byte(text)
	for _, m := range reAmount.FindAllStringIndex(text, -1) {
		q, f := parseQuantity(text[m[0]:m[1]])
		if f != nil {
			return quantity{}, f
		}
		found[m[0]] = q
		copy(plain[m[0]:m[1]], strings.Repeat("_", m[1]-m[0]))
	}
	for _, m := range reWord.FindAllIndex(plain, -1) {
		if _, known := functions[string(plain[m[0]:m[1]])]; !known {
			return bad(fmt.Sprintf("%q at character %d is unknown", plain[m[0]:m[1]], m[0]+1))
		}
	}
	tree, err := parser.Parse(string(plain))
	if err != nil {
		if where, ok := errors.AsType[*exprfile.Error](err); ok {
			return bad(fmt.Sprintf("there is a syntax error at character %d", where.From+1))
		}
		return bad("it cannot be read")
	}
	q, why := found.eval(tree.Node)
	switch {
	case why != "":
		return bad(why)
	case math.IsNaN(q.v) || math.IsInf(q.v, 0):
		return bad("its result is too large")
	}
	return q, nil
}

// parseQuantity reads an amount as reAmount finds it.
func parseQuantity(text string) (quantity, *flaw) {
	plain := closeUp(text)
	if v, err := strconv.ParseFloat(plain, 64); err == nil {
		return quantity{v: v}, nil
	}
	switch {
	case strings.HasSuffix(plain, "%"):
		v, f := parsePercent(plain)
		return quantity{v: v}, f
	case strings.HasSuffix(plain, "k"), strings.HasSuffix(plain, "K"), strings.HasSuffix(plain, "M"):
		v, err := strconv.ParseFloat(plain[:len(plain)-1], 64)
		if err != nil {
			return quantity{}, wrong(text, "number", arithmeticHint)
		}
		return quantity{v: v * multiples[plain[len(plain)-1:]]}, nil
	case reRate.MatchString(plain):
		v, f := parseRate(plain)
		return quantity{v, 0, -1}, f
	case strings.HasSuffix(plain, "/s"):
		v, f := parseSize(strings.TrimSuffix(plain, "/s"))
		return quantity{v, 1, -1}, f
	case reSize.MatchString(plain):
		v, f := parseSize(plain)
		return quantity{v, 1, 0}, f
	}
	v, f := parseDuration(plain)
	return quantity{v.Seconds(), 0, 1}, f
}

// eval computes a node; why says what is wrong with it, "" for nothing.
func (a terms) eval(n ast.Node) (q quantity, why string) {
	at := n.Location().From
	switch n := n.(type) {
	case *ast.IdentifierNode:
		q, known := a[at]
		// two amounts without an operation between them are no name: the grammar has refused them
		if !known {
			return q, fmt.Sprintf("%q at character %d is unknown", n.Value, at+1)
		}
		return q, ""
	case *ast.UnaryNode:
		q, why = a.eval(n.Node)
		if n.Operator == "-" {
			q.v = -q.v
		} else if n.Operator != "+" {
			why = fmt.Sprintf("%q at character %d is unknown", n.Operator, at+1)
		}
		return q, why
	case *ast.BinaryNode:
		x, why := a.eval(n.Left)
		if why != "" {
			return x, why
		}
		y, why := a.eval(n.Right)
		if why != "" {
			return y, why
		}
		return operate(n.Operator, x, y, at)
	case *ast.BuiltinNode:
		return a.call(n.Name, n.Arguments, at)
	}
	return q, fmt.Sprintf("%q at character %d is unknown", n.String(), at+1)
}

func operate(op string, x, y quantity, at int) (quantity, string) {
	switch op {
	case "*":
		return quantity{x.v * y.v, x.bytes + y.bytes, x.seconds + y.seconds}, ""
	case "/":
		if y.v == 0 {
			return x, fmt.Sprintf("the divisor at character %d is 0", at+1)
		}
		return quantity{x.v / y.v, x.bytes - y.bytes, x.seconds - y.seconds}, ""
	case "+", "-":
		if !x.like(y) {
			return x, fmt.Sprintf("%q at character %d is between %s and %s", op, at+1, x.kind(), y.kind())
		}
		if op == "-" {
			y.v = -y.v
		}
		x.v += y.v
		return x, ""
	}
	return x, fmt.Sprintf("%q at character %d is unknown", op, at+1)
}

// call computes a function. Rounding is to whole numbers of the unit: bytes, seconds, or times a
// second.
func (a terms) call(name string, args []ast.Node, at int) (quantity, string) {
	takes, known := functions[name]
	if !known {
		return quantity{}, fmt.Sprintf("the function %q at character %d is unknown", name, at+1)
	}
	if len(args) == 0 || takes > 0 && len(args) != takes {
		return quantity{}, fmt.Sprintf("%s at character %d has %d values", name, at+1, len(args))
	}
	all := make([]quantity, len(args))
	values := make([]float64, len(args))
	for i, arg := range args {
		q, why := a.eval(arg)
		if why != "" {
			return q, why
		}
		if i > 0 && !q.like(all[0]) {
			return q, fmt.Sprintf("%s at character %d compares %s with %s", name, at+1, all[0].kind(), q.kind())
		}
		all[i], values[i] = q, q.v
	}
	out := all[0]
	switch name {
	case "min":
		out.v = slices.Min(values)
	case "max":
		out.v = slices.Max(values)
	case "ceil":
		out.v = math.Ceil(out.v - rounding)
	case "floor":
		out.v = math.Floor(out.v + rounding)
	case "round":
		out.v = math.Round(out.v)
	}
	return out, ""
}

// rounding is the error that decimal fractions may have: 0.1 * 30 is 3, not a little more.
const rounding = 1e-9

// computed reads an amount by its parser, or as arithmetic with a result of the unit.
func computed[V any](parse func(string) (V, *flaw), unit quantity, from func(float64) (V, *flaw)) func(v value) (V, *flaw) {
	return func(v value) (V, *flaw) {
		got, f := parse(v.text())
		if f == nil || !isArithmetic(v.whole) {
			return got, f
		}
		q, f := arithmetic(v.whole)
		if f != nil {
			return got, f
		}
		if !q.like(unit) {
			return got, &flaw{fmt.Sprintf("%q is %s, and %s belongs here", clip(v.whole), q.kind(), unit.kind()), "multiply or divide by something with the missing unit, such as 1/s or 1B"}
		}
		return from(q.v)
	}
}

// The amounts that may be computed. Counts and bytes are rounded to the nearest whole number.
var (
	countValue = computed(parseCount, aNumberUnit, func(v float64) (int, *flaw) {
		if math.Abs(v) > 1e15 {
			return 0, &flaw{"the result is too large", "write a smaller one"}
		}
		return int(math.Round(v)), nil
	})
	rateValue     = computed(parseRate, aRateUnit, func(v float64) (float64, *flaw) { return v, nil })
	sizeValue     = computed(parseSize, aSizeUnit, func(v float64) (float64, *flaw) { return math.Round(v), nil })
	readRateValue = computed(parseBytesRate, aReadRateUnit, func(v float64) (float64, *flaw) { return math.Round(v), nil })
	durationValue = computed(parseDuration, aDurationUnit, func(v float64) (time.Duration, *flaw) {
		if math.Abs(v) > maxTotal.Seconds() {
			return 0, &flaw{"the result is too long", "write a shorter one"}
		}
		return time.Duration(math.Round(v * 1e9)), nil
	})
)

// parenthesised is the value of a variable as arithmetic takes it: what it computes is one value in
// the expression that it stands in.
func parenthesised(text string) string {
	if len(text) > maxArithmetic || !reOperator.MatchString(text) || !isArithmetic(text) {
		return text
	}
	return "(" + text + ")"
}
