#!/usr/bin/env bash
# gonum.org/v1/plot v0.17.0, vg/vgpdf beside vg/vgsvg
#
# Guess: a bold label that vgsvg writes is written by vgpdf too: both take the same font from the same cache.
# Seen:  vgpdf looks the font up by style "B" after it was added by style "": writing the document fails with
#        "undefined font", however small the text. The same calls on vgsvg succeed.
# Why:   a program that draws one figure as SVG and as PDF for a paper works until the first bold title.
#        Draw bold text of a PDF as outlines, or clear the weight of the font before the call.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"os"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

type canvas interface {
	vg.Canvas
	io.WriterTo
}

// write writes one word in the weight to c and returns what went wrong.
func write(c canvas, weight stdfont.Weight) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	cache := font.NewCache(liberation.Collection())
	face := cache.Lookup(font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight}, 12)
	c.FillString(face, vg.Point{X: 20, Y: 20}, "latency")
	_, err = c.WriteTo(io.Discard)
	return err
}

func main() {
	svg := write(vgsvg.New(200, 100), stdfont.WeightBold)
	plain := write(vgpdf.New(200, 100), stdfont.WeightNormal)
	bold := write(vgpdf.New(200, 100), stdfont.WeightBold)
	fmt.Println("SVG, bold:   ", svg)
	fmt.Println("PDF, regular:", plain)
	fmt.Println("PDF, bold:   ", bold)
	if svg != nil || plain != nil || bold == nil {
		os.Exit(1)
	}
}
GO
go get gonum.org/v1/plot@v0.17.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go mod tidy >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
