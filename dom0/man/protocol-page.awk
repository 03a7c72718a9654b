# SPDX-License-Identifier: GPL-2.0-only
# The manual page of a protocol, from its header: the first comment behind the
# licence is the specification, shown as it stands.
BEGIN {
    print ".\\\" Made from a header; change that."
    print ".Dd November 27, 2026"
    print ".Dt " toupper(page) " 7"
    print ".Os"
    print ".Sh NAME"
    print ".Nm " page
    print ".Nd " what
    print ".Sh DESCRIPTION"
    print "The specification is " header ", from which this page is made."
    print ".Bd -literal"
}
/^\/\*$/ && !seen { on = seen = 1; next }
/^ \*\/$/ && on { on = 0; next }
on {
    sub(/^ \* ?/, "")
    gsub(/\\/, "\\e")
    sub(/^[.']/, "\\\\\\&&")
    gsub(/-/, "\\-")
    print
}
END {
    print ".Ed"
    print ".Sh SEE ALSO"
    print ".Xr mount.xkfs 8 ,"
    print ".Xr xenkeep-filed 8"
}
