#!/usr/bin/env bash
# socket.io-msgpack-parser 3.0.2 with notepack.io 3.0.1, beside @msgpack/msgpack 3.1.3 (npm) and
# github.com/vmihailenco/msgpack/v5 v5.4.1 (Go)
#
# Guess: the packets of the parser are standard MessagePack: a server or a load generator of another make reads them
#        with its usual library, a Date as the standard's timestamp, and a field that is undefined as nil or not at
#        all, as with the JSON parser.
# Seen:  undefined and Date are an extension of type 0 that only this encoder knows: one byte, or the milliseconds in
#        eight. {a: undefined} and a Date are "unknown ext id=0" to the library for Go, which loses the whole packet
#        with its other arguments, and an opaque object to @msgpack/msgpack. The other way round, the standard's
#        timestamp (type -1), as the other libraries write it, reaches the application as an array of -1 and a buffer.
# Why:   with JSON an undefined field disappears. After a change of parser one optional field that a page left empty
#        makes a server that is not of Node.js drop the event. Nobody sees it in tests between two Node.js processes.
#        Register type 0 with the library in use, in both directions.
#
# Needs Node.js and Go. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io-msgpack-parser@3.0.2 notepack.io@3.0.1 @msgpack/msgpack@3.1.3 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"encoding/base64"
	"fmt"
	"os"

	"github.com/vmihailenco/msgpack/v5"
)

// Of each argument, a packet in base64, it prints what the library makes of it.
func main() {
	for _, arg := range os.Args[1:] {
		b, err := base64.StdEncoding.DecodeString(arg)
		if err != nil {
			panic(err)
		}
		var packet map[string]any
		if err := msgpack.Unmarshal(b, &packet); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(packet["data"])
	}
}
GO
go get github.com/vmihailenco/msgpack/v5@v5.4.1 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o decode .
cat >finding.mjs <<'JS'
import {spawnSync} from "node:child_process";
import {inspect} from "node:util";
import {decode, encode, ExtData} from "@msgpack/msgpack";
import parser from "socket.io-msgpack-parser";

const at = new Date(1_700_000_000_123);
const packet = (value) => ({type: 2, nsp: "/", data: ["event", "text", value]});
const values = {"an empty field": {}, "an undefined field": {a: undefined}, "a Date": at};
const packets = Object.values(values).map((value) => new parser.Encoder().encode(packet(value))[0]);
const go = spawnSync("./decode", packets.map((b) => Buffer.from(b).toString("base64")), {encoding: "utf8"}).stdout.trim().split("\n");
const js = packets.map((b) => decode(b).data[2]);
Object.keys(values).forEach((name, i) => console.log(`${name}: Go ${go[i]}, @msgpack/msgpack ${inspect(js[i])}`));

let back;
const decoder = new parser.Decoder();
decoder.on("decoded", ({data}) => { back = data[2]; });
decoder.add(Buffer.from(encode(packet(at))));
console.log(`a Date of @msgpack/msgpack reaches the parser as ${inspect(back)}`);

const opaque = (value) => value instanceof ExtData && value.type === 0;
const asSeen = go[0] === "[event text map[]]" && go[1].includes("unknown ext id=0") && go[2].includes("unknown ext id=0") &&
  opaque(js[1].a) && opaque(js[2]) && Array.isArray(back) && back[0] === -1;
process.exit(asSeen ? 0 : 1);
JS
timeout 30 node finding.mjs
