"""What stands in a stack's file: scalars, whole files, and values of declared keys."""

from __future__ import annotations

# One a line, as written behind `key: `. All in one file.
SCALARS = r"""
1
1.0
1.50
1e3
-2E+05
0x1F
-0x1F
0X1F
0b11
0o17
-0o17
0777
017
08
1_000
1__0
1_
_1
-0
+5
.5
+.5
5.
1e
+
190:20:30
1,000
12345678901234567890
9007199254740993
1e400
1e-5
1e-7
1e1_0
5e-324
18446744073709551616
-9223372036854775809
0xFFFFFFFFFFFFFFFFF
0x_
0777777777777777777777777
~
null
NULL
true
TRUE
tRuE
yes
on
off
n
2026-11-23
2026-11-23T10:00:00Z
2026-11-23T10:00:00.50+02:00
2026-13-45
2026-1-3 1:2:3
2026-01-01T00:00:00.123456789Z
2026-01-01T24:00:00Z
0000-02-29
0001-01-01
12:30:45
""
" x"
"1"
'true'
"\u00e9\x41"
'it''s'
a # c
a#c
Bjørn 🔔
<<
!!str 1
!!int "3"
!!float 1
!!bool "true"
!!binary aGk=
!!set {a, b}
!!omap [a: 1]
!!pairs [a: 1]
!!timestamp {a: 1}
!!int [a]
!!null ""
!!timestamp 2026-01-01
!custom x
!custom {a: 1}
&a x
[1, 2.0, 1e2, 0x10, yes, ~, 2026-01-01, .5, 0o7, 007, "1"]
{on: yes, 1: 2}
{true: 3}
{}
[]
{a: {secure: 5}}
""".strip().splitlines()

DOCUMENTS = {
    "empty": "",
    "comment": "# only a comment\n",
    "no config": "config:\n",
    "document end": "---\nconfig:\n  tiny:v: 1\n...\n",
    "two documents": "config:\n  tiny:v: 1\n---\nconfig:\n  tiny:v: 2\n",
    "byte order mark": "\ufeffconfig:\n  tiny:v: é\n",
    "line breaks of Windows": "config:\r\n  tiny:v: 1\r\n",
    "tab after the colon": "config:\n  tiny:v:\t1\n",
    "tab before a key": "config:\n\ttiny:v: 1\n",
    "block texts": "config:\n  tiny:v: >-\n    folded\n    text\n  tiny:w: |\n    lines\n    of text\n",
    "merge": "config:\n  tiny:v: &x {a: 1, b: 0}\n  tiny:w:\n    b: 2\n    <<: *x\n",
    "merge of a merge": "config:\n  tiny:v: &x {a: 1}\n  tiny:w: &y {<<: *x, a: 2, b: 1}\n  tiny:z: {<<: *y, b: 3}\n",
    "merge of several": "config:\n  tiny:v: &x {a: 1}\n  tiny:w: &y {a: 3, c: 4}\n  tiny:z: {<<: [*x, *y], b: 2}\n",
    "merge in a list": "config:\n  tiny:v:\n    - &x {a: 1, b: 2}\n    - <<: *x\n      b: 3\n",
    "merge of keys": "shared: &a\n  tiny:v: 1\nconfig:\n  <<: *a\n  tiny:w: 2\n",
    "merge key in quotes": "config:\n  tiny:v: {'<<': {a: 1}}\n",
    "merge of an alias of a list": "config:\n  tiny:v: &x [{a: 1}]\n  tiny:w: {<<: *x}\n",
    "merge of a list of lists": "config:\n  tiny:v: &x {a: 1}\n  tiny:w: {<<: [[*x]]}\n",
    "merge of a number": "config:\n  tiny:v: {<<: 5}\n",
    "anchor of a list": "config:\n  tiny:v: &x [1, 2]\n  tiny:w: *x\n",
    "anchor of a scalar": "config:\n  tiny:v: {a: &q 1, b: *q}\n",
    "unknown anchor": "config:\n  tiny:v: *nope\n",
    "anchor twice": "config:\n  tiny:v: &a 1\n  tiny:w: *a\n  tiny:x: &a [2]\n  tiny:y: *a\n",
    "anchor in itself": "config:\n  tiny:v: &a [*a]\n",
    "key twice": "config:\n  tiny:v: 1\n  tiny:v: 2\n",
    "key twice in an object": "config:\n  tiny:v: {a: 1, a: 2}\n",
    "key without a namespace": "config:\n  v: 1\n",
    "older spelling of a key": "config:\n  tiny:config:v: x\n",
    "key of three parts": "config:\n  a:b:c: 1\n",
    "number as a key": "config:\n  5: x\n",
    "list as config": "config: [1]\n",
    "text as config": "config: text\n",
    "empty list as config": "config: []\n",
    "empty text as config": "config: ''\n",
    "false as config": "config: false\n",
    "list": "- 1\n",
    "text that is no integer": "config:\n  tiny:v: !!int x\n",
    "number that is no integer": "config:\n  tiny:v: !!int 3.5\n",
    "text that is no number": "config:\n  tiny:v: !!float x\n",
    "text that is no boolean": "config:\n  tiny:v: !!bool yes\n",
    "text that is no time": "config:\n  tiny:v: !!timestamp x\n",
    "text that is not null": "config:\n  tiny:v: !!null x\n",
    "text that is not base64": "config:\n  tiny:v: !!binary '!!'\n",
    "YAML 1.1": "%YAML 1.1\n---\nconfig:\n  tiny:v: yes\n",
    "YAML 1.2": "%YAML 1.2\n---\nconfig:\n  tiny:v: yes\n",
    "infinity": "config:\n  tiny:v: .inf\n",
    "unclosed": "config:\n  tiny:v: [1\n",
    "secrets provider": "secretsprovider: passphrase\nencryptionsalt: v1:a\nconfig:\n  tiny:v: 1\n",
}

TYPES = [
    "size: '5'",
    "size: 0x10",
    "size: 1e3",
    "size: 1.5",
    "size: five",
    "size:",
    "flag: 'true'",
    "flag: yes",
    "flag:",
    "names: [x]",
    "names: x",
    "names:",
    "plain: 1.5",
    "plain: [a]",
    "plain:",
]
