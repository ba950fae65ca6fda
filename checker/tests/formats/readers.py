"""Reads a report with the parsers that others use, and tells as JSON what they see in it.

    readers.py junit FILE        junitparser
    readers.py markdown FILE     cmarkgfm, which is GitHub's own
"""

import html.parser
import json
import sys


def junit(path):
    import junitparser

    def outcome(case):
        kinds = [type(result).__name__.lower() for result in case.result]
        return kinds[0] if kinds else "passed"

    return [
        {
            "name": suite.name,
            "tests": suite.tests,
            "failures": suite.failures,
            "errors": suite.errors,
            "skipped": suite.skipped,
            "cases": [
                {
                    "name": case.name,
                    "outcome": outcome(case),
                    "text": "".join(result.text or "" for result in case.result),
                }
                for case in suite
            ],
        }
        for suite in junitparser.JUnitXml.fromfile(path)
    ]


class Structure(html.parser.HTMLParser):
    """The tags of a page, and the text that is not in a block of code."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.depth = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.depth += tag == "pre"

    def handle_endtag(self, tag):
        self.depth -= tag == "pre"

    def handle_data(self, data):
        if not self.depth:
            self.text.append(data)

    def handle_comment(self, data):
        self.tags.append("comment")


def markdown(path):
    import cmarkgfm
    from cmarkgfm.cmark import Options

    with open(path, encoding="utf-8") as file:
        page = cmarkgfm.github_flavored_markdown_to_html(file.read(), Options.CMARK_OPT_UNSAFE)
    structure = Structure()
    structure.feed(page)
    return {"tags": sorted(set(structure.tags)), "text": "".join(structure.text)}


print(json.dumps({"junit": junit, "markdown": markdown}[sys.argv[1]](sys.argv[2])))
