"""What a newcomer sees on pressing TAB and on asking for help: kinds of names, and the way by task."""

from __future__ import annotations

import json
import subprocess
import sys

import cxresearch as cx

COMPLETE = """
import json, sys
from IPython.core.completer import IPCompleter, provisionalcompleter
import cxresearch as cx
completer = IPCompleter(namespace={"cx": cx}, global_namespace={"cx": cx}, use_jedi=True)
completer.jedi_compute_type_timeout = 60_000
with provisionalcompleter():
    kinds = {made.text: made.type for made in completer.completions("cx.", 3)}
json.dump(kinds, sys.stdout)
"""


def test_completion_knows_what_each_name_is() -> None:
    done = subprocess.run([sys.executable, "-c", COMPLETE], check=True, capture_output=True, text=True)
    kinds = json.loads(done.stdout)
    assert set(cx.__all__) <= set(kinds)
    assert kinds["nps"] == "function"
    assert kinds["Study"] == "class"
    assert kinds["survey"] == "module"
    assert kinds["NPS"] == "instance"
    assert "<unknown>" not in {kinds[name] for name in cx.__all__}


def test_help_leads_to_every_name_by_task() -> None:
    text = cx.__doc__ or ""
    missing = [name for name in cx.__all__ if f"``{name}``" not in text and f"``cx.{name}``" not in text]
    assert not missing, f"the docstring of the package does not say what these are for: {missing}"
