"""Break a copy of build/site: tools/check_site.py must report each break, as in test_site.py."""

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import check_site  # noqa: E402

LESSON, EXPLORER = "lessons/02_the_bound.html", "explorers/02_the_bound.html"
PRE = f'<div class="cell_input"><pre>{"x" * 999}</pre></div>'
# file (empty: LESSON) ~ what stands there (empty: the end) ~ what comes instead ~ faults reported
BREAKS = rf"""
 ~ ~ <img src="https://a.org/b" alt="b"> ~ asks for ~ no answer ~ does not show ~ pictures are empty
 ~ ~ <script src="7.js"></script><script>console.error(8); throw 9</script> ~ MB before ~ : 8 ~ : 9
 ~ ~ <p>$\frac12$</p><div class="math">\[\frac\]</div> ~ are not typeset ~ formulas have errors
 ~ ~ <p class="math" style="margin-left: -2000px">\[\rule{{5000px}}1\]</p> ~ begin left ~ wider than
 ~ ~ <img style="width: 99px; height: 9px" src="../pictures/02_the_bound.webp"> ~ no alt ~ stretched
 ~ ~ <button></button><p>By F3. # noqa</p> ~ have discernible text ~ not linked ~ is said to tools
 ~ ~ <figure style="width: 3000px">wide</figure> ~ figures stick out ~ pixels wide
 ~ ~ <iframe class="explorer"></iframe>{PRE} ~ explorers show ~ 1440: 1 pieces ~ paper: 1 pieces
 ~ aria-current=page ~ ~ where in the course
 ~ 03_finite_to_infinite_depth.html ~ 14.html ~ has before and after it
 ~ _sources/lessons/02 ~ _sources/lessons/03 ~ downloads another file
 ~ <img class="still" ~ <p class="still" ~ explorers have no still
 ~ <b>Figure ~ <i>Figure ~ figures without a number
lessons/00_ten_minute_tour.html ~ prefers-reduced-motion ~ gone ~ the film moves
lessons/00_ten_minute_tour.html ~ class="button" download ~ ~ no button to download
ledger/F2.html ~ ~ <style>[data-theme=dark] p {{ color: #222 !important }}</style> ~ (dark)
api/process.html ~ ~ <style>dt.sig {{ width: 9px; overflow: hidden }}</style> ~ signatures are cut
{EXPLORER} ~ Listener("input" ~ Listener("gone" ~ key: the picture ~ touch: the picture
{EXPLORER} ~ lang="en" ~ style="width: 900px" ~ (light) ~ phone of 390
_static/site.js ~ part.open = true ~ part.open = part.nextElementSibling ~ stay folded
_static/site.js ~ box.append(copier(box)) ~ 0 ~ cannot be copied
_static/site.js ~ if (ratio < 1) ~ if (0) ~
_static/site.js ~ {{detail: ~ {{detail: 200 + ~ formulas are set before
_static/site.css ~ animation: none ~ ~ parts fade in
_static/site.css ~ img {{ filter: none ~ img {{ filter: invert(1) ~ other greys
_static/language_data.js ~ ? 3 : ~ ? 300 : ~ is not first
_static/excerpts.js ~ window.excerpts = {{ ~ window.excerpts = {{}}, {{ ~ has no excerpt
"""
breaks = [[part.strip() for part in line.split(" ~")] for line in BREAKS.strip("\n").splitlines()]
with tempfile.TemporaryDirectory() as folder:
    site = shutil.copytree(check_site.SITE, Path(folder) / "site")
    (site / "lessons" / "7.js").write_text(";" * 3_000_000)
    for file, old, new, *_ in breaks:
        path = site / (file or LESSON)
        old, new = (old, new) if old else ("</article>", f"{new}</article>")
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    check_site.SITE = site
    pages = {LESSON, "search.html", *(file for file, *_ in breaks if file.endswith(".html"))}
    faults = check_site.visit([*pages], axe).faults
for says in (says for _, _, _, *all_say in breaks for says in all_say):
    assert any(says in fault for fault in faults), f"not reported: {says}"
