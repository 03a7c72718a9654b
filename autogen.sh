#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Make configure and Makefile.in from their sources.
set -e
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --install --warnings=all "$@"
