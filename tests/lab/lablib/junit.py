# SPDX-License-Identifier: GPL-2.0-only
"""The result of a run as a JUnit file, which every CI system shows."""

import re
import xml.etree.ElementTree as ET


def clean(text):
    """XML has no place for control characters, which consoles are full of."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def tail(path, size=8000):
    """The end of a log."""
    if not path.exists():
        return ""
    return clean(path.read_bytes()[-size:].decode("utf-8", "replace"))


def write(path, results, seconds):
    """One suite, one testcase for each case."""
    outcomes = [result.outcome for result in results]
    suite = ET.Element("testsuite", {
        "name": "lab", "tests": str(len(results)),
        "failures": str(outcomes.count("FAIL")),
        "errors": str(outcomes.count("CRASH") + outcomes.count("TIMEOUT")),
        "skipped": str(outcomes.count("SKIP")), "time": f"{seconds:.1f}"})
    for result in results:
        node = ET.SubElement(suite, "testcase", {
            "classname": "lab", "name": result.case.name,
            "time": f"{result.seconds:.1f}"})
        if result.outcome == "SKIP":
            ET.SubElement(node, "skipped", {"message": clean(result.reason)})
        elif result.outcome != "PASS":
            kind = "failure" if result.outcome == "FAIL" else "error"
            bad = ET.SubElement(node, kind, {
                "type": result.outcome, "message": clean(result.reason)})
            bad.text = clean("\n".join(result.findings))
        ET.SubElement(node, "system-out").text = tail(
            result.folder / "case.log")
        ET.SubElement(node, "system-err").text = tail(
            result.folder / "serial.log")
    tree = ET.ElementTree(suite)
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)
