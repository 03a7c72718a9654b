# SPDX-License-Identifier: GPL-2.0-only
#
# Reads nodes.schema and writes one of the files made from it:
#
#   what=keys  awk -f gen-schema.awk nodes.schema > xk-keys.h
#   what=table awk -f gen-schema.awk nodes.schema > xk-schema-table.c
#   what=man   awk -f gen-schema.awk nodes.schema > xenkeep-xenstore.7
#
# POSIX awk, nothing else. Must never guess: a record that is not exactly as
# the head of nodes.schema says ends the run with exit 1, the line's number
# and no output.

# By way of cat: POSIX awk has no name for standard error.
function fail(line, text)
{
    if (!failed) {
        printf "%s:%d: %s\n", source, line, text | "cat 1>&2"
        close("cat 1>&2")
    }
    failed = 1
    exit 1
}

# ---- reading -----------------------------------------------------------

function start_record()
{
    n++
    first[n] = FNR
    field = ""
}

function end_record(    i)
{
    if (!n || closed == n)
        return
    for (i = 1; i <= nfields; i++) {
        if (!((n, fields[i]) in value))
            fail(first[n], "the record has no " fields[i])
    }
    closed = n
    check_node(n)
    check_path(n)
    check_type(n)
    who_mask(n, "writer")
    who_mask(n, "reader")
    check_perms(n)
}

function take_field(    name, text)
{
    name = $1
    text = $0
    sub(/^[^ ]+ */, "", text)
    sub(/ +$/, "", text)
    if (!(name in is_field))
        fail(FNR, "unknown field \"" name "\"")
    if (closed == n)
        start_record()
    if (name == "node" ? first[n] != FNR : first[n] == FNR)
        fail(FNR, "a record starts with node, and has one")
    if ((n, name) in value)
        fail(FNR, "a second " name)
    if (text == "")
        fail(FNR, name " is empty")
    value[n, name] = text
    at[n, name] = FNR
    field = name
}

# ---- checking ----------------------------------------------------------

function check_node(r,    name)
{
    name = value[r, "node"]
    if (name !~ /^[A-Z][A-Z0-9_]*$/)
        fail(at[r, "node"], "\"" name "\" is no name")
    if (name in name_at)
        fail(at[r, "node"], name " is also in line " name_at[name])
    name_at[name] = at[r, "node"]
}

function is_var(part)
{
    return part ~ /^\$(DOMID|DEVID|INDEX|PAGE)$/
}

# Can both components be the same in a real path?
function parts_meet(a, b)
{
    if (is_var(a))
        return is_var(b) || b ~ /^[0-9]+$/
    if (is_var(b))
        return a ~ /^[0-9]+$/
    return a == b
}

# Two patterns that one real path can match are one path too many.
function paths_meet(r, q,    i)
{
    if (nparts[r] != nparts[q])
        return 0
    for (i = 1; i <= nparts[r]; i++) {
        if (!parts_meet(part[r, i], part[q, i]))
            return 0
    }
    return 1
}

function check_path(r,    path, parts, i, q, line)
{
    path = value[r, "path"]
    line = at[r, "path"]
    if (path !~ /^\// || path ~ /\/$/ || path ~ /\/\//)
        fail(line, "\"" path "\" is no absolute path")
    if (length(path) > 256)
        fail(line, "the path is too long")
    nparts[r] = split(substr(path, 2), parts, "/")
    for (i = 1; i <= nparts[r]; i++) {
        part[r, i] = parts[i]
        if (is_var(parts[i])) {
            if ((r, parts[i]) in var)
                fail(line, parts[i] " is in the path twice")
            var[r, parts[i]] = 1
        } else if (parts[i] !~ /^[A-Za-z0-9_@-]+$/) {
            fail(line, "\"" parts[i] "\" is no path component")
        }
    }
    for (q = 1; q < r; q++) {
        if (paths_meet(r, q))
            fail(line, "the path is also in line " at[q, "path"])
    }
    by_path[path] = r
}

function hex_value(text,    i, v)
{
    v = 0
    for (i = 1; i <= length(text); i++)
        v = v * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return v
}

# Checks a number of 64 bits and returns it, rounded to what awk can hold.
function number(text, line)
{
    if (text ~ /^0x[0-9a-f]+$/ && length(text) <= 18)
        return hex_value(substr(text, 3))
    if (text ~ /^(0|[1-9][0-9]*)$/ && (length(text) < 20 ||
        (length(text) == 20 && text "" <= "18446744073709551615")))
        return text + 0
    fail(line, "\"" text "\" is no number")
}

function check_range(r, words, count, line,    lo, hi)
{
    if (count != 3)
        fail(line, words[1] " has a MIN and a MAX")
    lo = number(words[2], line)
    hi = number(words[3], line)
    if (lo > hi)
        fail(line, "MIN is above MAX")
    if (words[1] == "u32" && hi > 4294967295)
        fail(line, "MAX does not fit in u32")
    min[r] = words[2]
    max[r] = words[3]
}

function check_enum(r, words, count, line,    i, seen)
{
    if (count < 2)
        fail(line, "enum has words")
    for (i = 2; i <= count; i++) {
        if (words[i] !~ /^[A-Za-z0-9_-]+$/)
            fail(line, "\"" words[i] "\" is no enum word")
        if (words[i] in seen)
            fail(line, "\"" words[i] "\" is there twice")
        seen[words[i]] = 1
    }
}

function check_type(r,    words, count, line)
{
    line = at[r, "type"]
    count = split(value[r, "type"], words, " ")
    kind[r] = words[1]
    min[r] = max[r] = "0"
    if (words[1] == "u32" || words[1] == "u64") {
        check_range(r, words, count, line)
    } else if (words[1] == "string") {
        if (count != 2 || words[2] !~ /^[1-9][0-9]*$/ || words[2] > 4096)
            fail(line, "string has a MAX of 1 to 4096")
        max[r] = words[2]
    } else if (words[1] == "enum") {
        check_enum(r, words, count, line)
    } else if (words[1] != "dir" && words[1] != "path") {
        fail(line, "unknown type \"" words[1] "\"")
    } else if (count != 1) {
        fail(line, words[1] " has no parameters")
    }
}

# The C expression of a writer or reader line.
function who_mask(r, name,    words, count, i, expr, seen)
{
    count = split(value[r, name], words, " ")
    expr = ""
    for (i = 1; i <= count; i++) {
        if (!(words[i] in is_who))
            fail(at[r, name], "\"" words[i] "\" is no " name)
        if (words[i] in seen)
            fail(at[r, name], "\"" words[i] "\" is there twice")
        seen[words[i]] = 1
        expr = expr (i > 1 ? " | " : "") "XK_SCHEMA_" toupper(words[i])
    }
    return expr
}

function check_perms(r,    perms, words, count, i, who, line)
{
    perms = value[r, "perms"]
    line = at[r, "perms"]
    if (perms == "any" || perms == "inherit")
        return
    count = split(perms, words, ",")
    for (i = 1; i <= count; i++) {
        who = substr(words[i], 2)
        if (words[i] !~ /^[nrwb]/ || (who !~ /^(0|[1-9][0-9]*)$/ &&
            who != "$DOMID"))
            fail(line, "\"" words[i] "\" is no permission")
        if (who == "$DOMID" && !((r, who) in var))
            fail(line, "the path has no " who)
    }
}

# "inherit" needs a record above it to inherit from.
function check_inherit(r,    path)
{
    if (value[r, "perms"] != "inherit")
        return
    path = value[r, "path"]
    while (sub(/\/[^\/]*$/, "", path) && path != "") {
        if (path in by_path)
            return
    }
    fail(at[r, "perms"], "no record above this path to inherit from")
}

# ---- writing -----------------------------------------------------------

function last_part(r)
{
    return part[r, nparts[r]]
}

function write_keys(    r, path)
{
    print "/* SPDX-License-Identifier: GPL-2.0-only */"
    print "/*"
    print " * The xenstore keys and paths of xenkeep, for the kernel and for"
    print " * user space. Made from nodes.schema by gen-schema.awk: change"
    print " * those. XK_KEY_x is a last component; XK_PATH_x a printf format"
    print " * whose %u are the variables of the path, in order."
    print " */"
    print "#ifndef XK_KEYS_H"
    print "#define XK_KEYS_H"
    for (r = 1; r <= n; r++) {
        path = value[r, "path"]
        gsub(/\$(DOMID|DEVID|INDEX|PAGE)/, "%u", path)
        print ""
        if (!is_var(last_part(r)))
            printf "#define XK_KEY_%s \"%s\"\n", value[r, "node"],
                last_part(r)
        printf "#define XK_PATH_%s \\\n    \"%s\"\n", value[r, "node"], path
    }
    print ""
    print "#endif /* XK_KEYS_H */"
}

function write_enum(r,    words, count, i)
{
    count = split(value[r, "type"], words, " ")
    printf "\nstatic const char *const words_%s[] = {\n",
        tolower(value[r, "node"])
    for (i = 2; i <= count; i++)
        printf "    \"%s\",\n", words[i]
    print "    NULL,"
    print "};"
}

function c_number(text)
{
    return "UINT64_C(" text ")"
}

function write_row(r,    words)
{
    words = kind[r] == "enum" ? "words_" tolower(value[r, "node"]) : "NULL"
    print "    {"
    printf "        .name = \"%s\",\n", value[r, "node"]
    printf "        .path =\n            \"%s\",\n", value[r, "path"]
    printf "        .perms = \"%s\",\n", value[r, "perms"]
    printf "        .type = XK_SCHEMA_%s,\n", toupper(kind[r])
    printf "        .writers = %s,\n", who_mask(r, "writer")
    printf "        .readers = %s,\n", who_mask(r, "reader")
    printf "        .min = %s,\n", c_number(min[r])
    printf "        .max = %s,\n", c_number(max[r])
    printf "        .words = %s,\n", words
    print "    },"
}

function write_table(    r)
{
    print "// SPDX-License-Identifier: GPL-2.0-only"
    print "/*"
    print " * The records of nodes.schema as a table, made from it by"
    print " * gen-schema.awk: change those."
    print " */"
    print "#include \"schema.h\""
    for (r = 1; r <= n; r++) {
        if (kind[r] == "enum")
            write_enum(r)
    }
    print ""
    print "const struct xk_schema_node xk_schema_nodes[] = {"
    for (r = 1; r <= n; r++)
        write_row(r)
    print "};"
    print ""
    print "const size_t xk_schema_count ="
    print "    sizeof(xk_schema_nodes) / sizeof(xk_schema_nodes[0]);"
}

# Text that roff takes for text.
function roff(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\&" text
    return text
}

function comma(text)
{
    gsub(/ +/, ", ", text)
    return text
}

# What a value may be, in words.
function type_text(r,    words, text)
{
    split(value[r, "type"], words, " ")
    if (kind[r] == "dir")
        return "a directory without a value"
    if (kind[r] == "path")
        return "an absolute xenstore path"
    if (kind[r] == "string")
        return "text, at most " max[r] " bytes of printable ASCII"
    if (kind[r] == "enum") {
        text = value[r, "type"]
        sub(/^enum +/, "", text)
        return "one of: " comma(text)
    }
    return "a decimal number, " min[r] " to " max[r]
}

function perms_text(r,    perms)
{
    perms = value[r, "perms"]
    if (perms == "any")
        return "as another owner decides"
    if (perms == "inherit")
        return "those of the directory"
    return perms
}

function write_man_node(r,    doc, lines, count, i)
{
    print ".TP"
    print ".B " roff(value[r, "path"])
    count = split(value[r, "doc"], lines, "\n")
    for (i = 1; i <= count; i++)
        print roff(lines[i])
    print ".br"
    print "Value: " roff(type_text(r)) "."
    print ".br"
    printf "Written by %s; read by %s.\n", comma(value[r, "writer"]),
        comma(value[r, "reader"])
    print ".br"
    print "Permissions: " roff(perms_text(r)) "."
}

function write_man(    r)
{
    print ".\\\" SPDX-License-Identifier: GPL-2.0-only"
    print ".\\\" Made from nodes.schema by gen-schema.awk: change those."
    print ".TH XENKEEP\\-XENSTORE 7 \"\" xenkeep \"xenkeep manual\""
    print ".SH NAME"
    print "xenkeep\\-xenstore \\- the xenstore nodes of xenkeep"
    print ".SH DESCRIPTION"
    print "Every xenstore node that xenkeep reads or writes, with the form"
    print "of its value, who writes it, who reads it, and its permissions as"
    print ".BR xenstore\\-ls (1)"
    print "shows them with"
    print ".BR \\-p ."
    print ".PP"
    print ".B $DOMID"
    print "stands for the guest's domain id,"
    print ".B $DEVID"
    print "for a device's number,"
    print ".B $INDEX"
    print "and"
    print ".B $PAGE"
    print "for a place in a list, all decimal."
    print "Below a node that is not listed here, xenkeep touches nothing."
    print ".SH NODES"
    for (r = 1; r <= n; r++)
        write_man_node(r)
    print ".SH NOTES"
    print "The program"
    print ".B xk\\-schema\\-check"
    print "in xenkeep's libexec directory holds the output of"
    print ".B xenstore\\-ls \\-f \\-p"
    print "on its standard input against this page: it prints one line for"
    print "each violation and exits with 0 (none), 1 (some) or 2 (the input"
    print "cannot be read)."
    print ".SH SEE ALSO"
    print ".BR xenstore\\-ls (1),"
    print ".BR xenkeep\\-memoryd (8)"
}

# ---- lines -------------------------------------------------------------

BEGIN {
    nfields = split("node path type writer reader perms doc", fields, " ")
    for (i = 1; i <= nfields; i++)
        is_field[fields[i]] = 1
    split("dom0 guest toolstack xenstored", whos, " ")
    for (i in whos)
        is_who[whos[i]] = 1
    n = closed = failed = 0
    source = "nodes.schema"
    what = ENVIRON["what"]
    if (what != "keys" && what != "table" && what != "man")
        fail(0, "what= is keys, table or man")
}

{ source = FILENAME }
/[^ -~]/ { fail(FNR, "a byte that is not printable ASCII") }
/^#/ { next }
/^ *$/ { end_record(); next }
/^ / {
    if (field != "doc")
        fail(FNR, "only doc goes on in a second line")
    sub(/^ +/, "")
    sub(/ +$/, "")
    value[n, "doc"] = value[n, "doc"] "\n" $0
    next
}
{ take_field() }

END {
    if (failed)
        exit 1
    end_record()
    if (!n)
        fail(FNR, "no records")
    for (r = 1; r <= n; r++)
        check_inherit(r)
    if (what == "keys")
        write_keys()
    else if (what == "table")
        write_table()
    else
        write_man()
}
