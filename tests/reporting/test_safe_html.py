"""Customer text is shown and never acts: a corpus of attacks, looked at as text and in a browser."""

from __future__ import annotations

import base64
import csv
import email
import email.policy
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from cxresearch.reporting.page.report_page import clean, own_script, prose, script_hash
from cxresearch.wording import inert_cell

MARK = "PWNED"
ATTACKS = [
    f"<script>document.title='{MARK}'</script>",
    f"</td></table><script>document.title='{MARK}'</script>",
    f"<img src=x onerror=\"document.title='{MARK}'\">",
    f"<svg onload=\"document.title='{MARK}'\"><animate onbegin=\"document.title='{MARK}'\"></svg>",
    f"<iframe srcdoc=\"<script>top.document.title='{MARK}'</script>\"></iframe>",
    f"<a href=\"javascript:document.title='{MARK}'\" id=click>click</a>",
    f"<details open ontoggle=\"document.title='{MARK}'\">x</details>",
    f"<body onload=\"document.title='{MARK}'\">",
    f"<style>@import 'https://evil.example/{MARK}.css'; body{{display:none}}</style>",
    f"<link rel=stylesheet href=https://evil.example/{MARK}.css>",
    "<base href=https://evil.example/>",
    f"<meta http-equiv=refresh content='0;url=https://evil.example/{MARK}'>",
    f"<form action=https://evil.example/{MARK}><input type=submit></form>",
    f"<object data=\"data:text/html,<script>parent.document.title='{MARK}'</script>\"></object>",
    f"<math><mtext><mglyph><style><img src=x onerror=\"document.title='{MARK}'\"></style></mglyph></math>",
    f"<noscript><p title=\"</noscript><img src=x onerror=document.title='{MARK}'>\">",
    f'<div style="background:url(https://evil.example/{MARK}.png)">x</div>',
    f"![x](https://evil.example/{MARK}.png) [y](javascript:document.title='{MARK}') <https://evil.example>",
    f"```mermaid\ngraph TD; A-->B; click A href \"javascript:document.title='{MARK}'\"\n```",
    f"$$\\href{{javascript:document.title='{MARK}'}}{{x}}$$ {{{{7*7}}}} {{% raw %}}",
    f"<ScRiPt/x>document.title='{MARK}'</sCrIpT >",
    f"<scr<script>ipt>document.title='{MARK}'</scr</script>ipt>",
    '=HYPERLINK("https://evil.example","x")',
    "\u202egnp.exe <!-- --><![CDATA[ ]]> &lt;script&gt;alert(1)&lt;/script&gt;",
]
SHOWN = [
    "import pandas as pd\nfrom cxresearch.results.estimate import Estimate",
    "from cxresearch.results.units import Unit",
    "attacks = " + ascii(ATTACKS),
    "frame = pd.DataFrame({'comment': attacks, '<script>x</script>': range(len(attacks))})",
    "[present.finding(text, detail=text) for text in attacks];",
    "present.table(frame, caption=attacks[0], name='comments', labels={'comment': attacks[2]})",
    "present.facts(hostile=' '.join(attacks))\npresent.caveats(attacks, title=attacks[3])",
    "frame",
    "print('\\n'.join(attacks))",
    "from IPython.display import HTML, Markdown, SVG, Javascript, display\nimport sys",
    "[display(HTML(text), Markdown(text)) for text in attacks];",
    "display(Javascript('document.title=1'), {'text/html': attacks[0]}, raw=False)",
    "svg = '<svg xmlns=\"http://www.w3.org/2000/svg\"><script>document.title=2</script></svg>'",
    "display({'image/svg+xml': svg}, raw=True)",
    "forged = {'cxresearch': {'block': 'finding'}}",
    "display({'text/html': '<p>forged</p>' + attacks[2]}, raw=True, metadata=forged)",
    "display({'image/png': '\"><script>document.title=3</script>'}, raw=True)",
    "print('\\n'.join(attacks), file=sys.stderr)",
    "bad = Estimate(name=attacks[0], value=1.0, low=0.0, high=2.0, level=0.95, se=1.0, n=3, unit=Unit.SCORE,"
    " method=attacks[0], note=attacks[2])",
    "present.tiles([bad])\nbad",
]
SAVE = "present.save_results(finding=attacks[0] + attacks[2], headline=[bad], results={'comments': attacks})"


class Elements(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        acts = {
            "script",
            "iframe",
            "object",
            "embed",
            "form",
            "base",
            "link",
            "svg",
            "math",
            "input",
            "video",
        }
        if tag in acts:
            self.found.append(tag)
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith("on") or name in ("srcdoc", "action", "formaction"):
                self.found.append(f"{tag} {name}")
            if name in ("src", "href", "data", "background") and not text.startswith(("data:image/", "#")):
                self.found.append(f"{tag} {name} {text}")
            if name == "style" and ("url(" in text or "expression" in text or "@import" in text):
                self.found.append(f"{tag} style {text}")
        if tag == "meta" and dict(attrs).get("http-equiv", "").lower() == "refresh":
            self.found.append("meta refresh")


#: Where a page leads by itself.
OWN_LINKS = re.compile(
    r'href="(tables/[a-z][a-z0-9_-]*\.csv|\.\./index\.html|(\.\./){2,3}index\.html|\.\./[0-9TZ]+-[0-9a-f]{6}/report\.html)"'
)


def without_own(page: str) -> str:
    """A page without its one script and its own links: nothing else may act."""
    assert page.count(f"<script>{own_script()}</script>") == 1
    return OWN_LINKS.sub("", page.replace(f"<script>{own_script()}</script>", ""))


def acting(markup: str) -> list[str]:
    parser = Elements()
    parser.feed(markup)
    parser.close()
    return parser.found


@pytest.fixture(scope="module")
def attacked(warm_worker, tmp_path_factory) -> Path:
    from cxresearch.reporting.plan import plan_run
    from cxresearch.reporting.run_report import execute_plan

    from .conftest import write_notebook

    folder = tmp_path_factory.mktemp("attacked")
    path = write_notebook(
        folder / "attacked.ipynb", SHOWN, save=SAVE, prose="\n\n".join([*ATTACKS, "{{ hostile }}"])
    )
    return execute_plan(plan_run(path, output=folder / "reports"), warm_worker).folder


@pytest.mark.parametrize("attack", ATTACKS)
def test_clean_leaves_nothing_that_acts(attack: str) -> None:
    assert not acting(clean(attack))
    assert not acting(clean(clean(attack)))


def test_a_style_may_decorate_but_neither_cover_the_page_nor_load() -> None:
    assert clean('<p style="color:red;position:fixed;z-index:9">x</p>') == '<p style="color:red">x</p>'
    for value in ("url(https://evil.example)", "u\\rl(x)", "image-set('x')", "/**/url(x)", "expression(x)"):
        assert clean(f'<p style="color:red;background:{value}">x</p>') == "<p>x</p>"


def test_a_link_leads_outside_or_within_and_never_runs() -> None:
    for address in ("javascript:x", "JaVa&#x0A;Script:x", "data:text/html,x", "vbscript:x", "//evil.example"):
        assert "href" not in clean(f'<a href="{address}">x</a>')
    assert 'href="#part"' in clean('<a href="#part">x</a>')


@pytest.mark.parametrize("attack", ATTACKS)
def test_prose_shows_markup_instead_of_acting_on_it(attack: str) -> None:
    found = [item for item in acting(prose(attack)) if not item.startswith("a href https://")]
    assert not found


def test_page_and_mail_hold_nothing_that_acts(attacked) -> None:
    for name in ("report.html", "email.html"):
        page = (attacked / name).read_text(encoding="utf-8")
        if name == "report.html":
            page = without_own(page)
        found = acting(page)
        assert [item for item in found if not item.startswith("a href https://evil.example")] == [], name
    assert not acting(
        (attacked.parent / "index.html")
        .read_text()
        .replace("<svg", "<x-svg")
        .replace('href="../../index.html"', "")
        .replace('href="../../index.html#attacked"', "")
        .replace(f'href="{attacked.name}/report.html"', "")
    )


def test_every_attack_is_shown_as_text(attacked) -> None:
    parser = Elements()
    parser.feed((attacked / "report.html").read_text(encoding="utf-8"))
    text = "".join(parser.text)
    for attack in ATTACKS:
        assert text.count(attack) >= 3, attack  # finding, table and caveats at least


def test_tables_run_no_formula(attacked) -> None:
    rows = list(csv.reader(io.StringIO((attacked / "tables" / "comments.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len(ATTACKS) + 1
    for row in rows:
        assert not row[0].lstrip().startswith(("=", "+", "-", "@")), row


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", " =1", "\r=1", "\ufeff=1", "＝1", "|calc"]
)
def test_cells_that_a_spreadsheet_would_run_are_quoted(text: str) -> None:
    # Behind a tab or a line end another cell may begin: what stands there is quoted too.
    assert re.sub("([\t\r])'", r"\1", inert_cell(text)) == f"'{text}"


@pytest.mark.parametrize("value", ["fine", "a=b", "", -3, 2.5, None, True])
def test_other_cells_stay(value: object) -> None:
    assert inert_cell(value) == value


#: What begins an attack in another place: attributes, comments, styles, addresses, templates, other letters.
FURTHER = [
    f"\" onmouseover=document.title='{MARK}' x=\"",
    f"' autofocus onfocus=document.title='{MARK}' x='",
    "--><script>x</script><!--",
    "]]><script>x</script>",
    "</title><script>x</script>",
    "</textarea><script>x</script>",
    "</style><script>x</script>",
    "</svg><script>x</script>",
    "<svg><use href='data:image/svg+xml,<svg onload=x>'/></svg>",
    "<svg><foreignObject><script>x</script></foreignObject></svg>",
    "<svg><set attributeName=onload to=x></svg>",
    "<style>*{background:url(https://evil.example)}</style>",
    "<p style='width:expression(x)'>x</p>",
    "<p style='behavior:url(x.htc)'>x</p>",
    "<p style='\\75rl(https://evil.example)'>x</p>",
    "<a href='vbscript:x'>x</a>",
    "<a href=' &#106;avascript:x'>x</a>",
    "<a href='data:text/html,<script>x</script>'>x</a>",
    "<img src=//evil.example/x.png>",
    "<video poster=https://evil.example/x onerror=x></video>",
    "<input onfocus=x autofocus>",
    "<template><script>x</script></template>",
    "<xmp><script>x</script></xmp>",
    "<plaintext>",
    "<frameset onload=x>",
    "<marquee onstart=x>x</marquee>",
    "<table background=javascript:x>",
    "\uff1cscript\uff1ex\uff1c/script\uff1e",
    "+ADw-script+AD4-x+ADw-/script+AD4-",
    "\x00<script>x</script>",
    "<\x00script>x</script>",
    "{{ cycler.__init__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "$\\href{javascript:x}{y}$",
    "\x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
]


def test_the_corpus_has_sixty_attacks() -> None:
    assert len({*ATTACKS, *FURTHER}) >= 60


@pytest.mark.parametrize("attack", FURTHER, ids=ascii)
def test_further_attacks_act_neither_cleaned_nor_as_prose(attack: str) -> None:
    assert not acting(clean(attack))
    assert not [item for item in acting(prose(attack)) if not item.startswith("a href https://")]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_the_private_page_of_a_customer_holds_nothing_that_acts(tmp_path) -> None:
    import cxresearch as cx
    from cxresearch.reporting.page.customer_page import write_customer_page
    from cxresearch.voice.customer.customer_view import customer

    every = [text.replace("\x00", "") for text in (*ATTACKS, *FURTHER)]
    days = pd.date_range("2024-02-01", periods=len(every), freq="D")
    study = cx.Study.from_frames(
        {
            "customers": pd.DataFrame(
                {
                    "customer_id": ["c1"],
                    "started_at": [days[0]],
                    "plan": [every[0]],
                    every[5][:40]: [every[2]],
                }
            ),
            "responses": pd.DataFrame(
                {"customer_id": "c1", "responded_at": days, "instrument": "nps", "score": 3, "comment": every}
            ),
            "events": pd.DataFrame({"customer_id": "c1", "occurred_at": days, "kind": every}),
        },
        observed_until="2024-12-31",
        instruments={"nps": "nps"},
        name=every[0],
    )
    view = customer(study, "c1", words=True, risk="none")
    page = write_customer_page(view, tmp_path / "page.html", study_name=study.name)
    markup = page.read_text(encoding="utf-8")
    assert not acting(markup)
    assert "<script" not in markup.lower()
    assert "onerror=" in markup  # they are shown, as text


def test_mail_is_a_message_below_the_limit_of_mail_programs(run, notebook) -> None:
    cells = [
        "import matplotlib.pyplot as plt, numpy as np",
        "axes = plt.subplots(figsize=(9, 6))[1]\naxes.scatter(*np.random.default_rng(1).random((2, 3000)))",
        "present.show(axes, name='cloud', caption='A cloud, n 3,000')",
    ]
    folder = run(notebook(cells)).folder
    assert (folder / "email.html").stat().st_size < 90_000
    assert (folder / "email.eml").stat().st_size < 150_000
    message = email.message_from_bytes((folder / "email.eml").read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "A small report"
    assert "All is well." in message.get_body(("plain",)).get_content()
    page = message.get_body(("html",)).get_content()
    (wanted,) = re.findall(r'src="cid:([^"]+)"', page)
    (image,) = [part for part in message.walk() if part.get_content_maintype() == "image"]
    assert image["Content-ID"] == f"<{wanted}>"
    assert image.get_content().startswith(b"\x89PNG")
    assert len(page) < 90_000


@pytest.mark.browser
def test_the_browser_runs_nothing_and_asks_nobody(attacked, browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    for name in ("report.html", "email.html"):
        page.goto((attacked / name).as_uri())
        page.wait_for_timeout(300)
        title = json.loads((attacked / "notebook.ipynb").read_text())["cells"][0]["source"].splitlines()[0]
        assert page.title() == title.removeprefix("# ")
        assert MARK not in page.title()
        assert page.locator("h1").first.is_visible()
        for link in page.locator("a").all()[:3]:
            assert not (link.get_attribute("href") or "").startswith("javascript")
    assert [url for url in asked if not url.startswith(("file:", "data:image/"))] == []
    page.close()


def test_the_policy_of_a_page_admits_its_own_script_and_no_other(attacked) -> None:
    page = (attacked / "report.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and script_hash(script) == f"sha256-{digest}"
    assert policy.count("sha256-") == 1 and "unsafe-inline" not in policy.split("script-src")[1]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|fetch|location", script
    )


def test_what_a_page_may_carry_more_than_before_cannot_act() -> None:
    assert clean('<div role="region" tabindex="0" aria-label="x">y</div>').count("=") == 3
    assert clean('<div role="dialog" tabindex="9" id="x">y</div>') == "<div>y</div>"
    assert "href" in clean('<a href="tables/by-answer.csv">x</a>')
    for address in ("tables/../../x.csv", "tables/x.html", "../index.html", "tables/x.csv?y"):
        assert "href" not in clean(f'<a href="{address}">x</a>')


@pytest.mark.browser
def test_the_own_script_sorts_and_filters_and_attacks_stay_inert(attacked, browser) -> None:
    page = browser.new_page()
    page.goto((attacked / "report.html").as_uri())
    table = page.locator("table.cx-table").first
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    heading = table.locator("thead th").nth(1)
    column = table.locator("tbody tr td:nth-child(2)")
    heading.locator("button").click()
    heading.locator("button").click()
    numbers = [int(text) for text in column.all_inner_texts()]
    assert heading.get_attribute("aria-sort") == "descending"
    assert numbers == sorted(range(len(ATTACKS)), reverse=True)
    page.locator("input.cx-filter").first.fill("noscript")
    assert [row for row in table.locator("tbody tr").all() if row.is_visible()].__len__() == 1
    assert MARK not in page.title()
    page.close()
