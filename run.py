#!/usr/bin/env python3
"""Sets Quanke up and runs it. Needs Python 3.11 or later, and nothing else; works on Windows too.

    python3 run.py demo                 a sample bank, a night over it, and a report
    python3 run.py desk [HOME] [...]    the desk over the demo's home, or over one of yours
    python3 run.py test [...]           the tests (further words go to pytest)
    python3 run.py setup [--dev]        only set up (--dev: what tests and linters need as well)
    python3 run.py quanke ...           the quanke command
    python3 run.py bench NAME [...]     a benchmark: --size, --quick, --json
    python3 run.py lint                 import rules, style, types, generated pages, locks
    python3 run.py docs [--check]       write the generated pages anew, or only compare
    python3 run.py wheel                build the wheel and try it in an environment of its own
    python3 run.py lock [--check]       write uv.lock and its exports anew, or only compare

Everything lands in .tools/ (uv) and .venv/ (the rest) beside this file. Packages come from the
registry that pip or uv is told to use (PIP_INDEX_URL, pip.conf, UV_DEFAULT_INDEX), or from a folder
of wheels (PIP_FIND_LINKS or UV_FIND_LINKS, with PIP_NO_INDEX=1 where there is no network). Each is
checked against the hashes in requirements*.lock.
"""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
STAMP = VENV / "quanke-setup.json"
OLDEST = (3, 11)
WINDOWS = os.name == "nt"

UV_LOCK = "requirements-uv.lock"
NODE_LOCK = "requirements-node.lock"
RUN_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
BENCH_LOCK = "requirements-bench.lock"
GROUPS = {
    RUN_LOCK: ["build"],
    DEV_LOCK: ["build", "test", "lint"],
    BENCH_LOCK: ["build", "test", "lint", "bench"],
    UV_LOCK: ["uv"],
    NODE_LOCK: ["node"],
}
DESK = ROOT / "src" / "quanke_desk"
ASSETS = (
    DESK / "web" / "static" / "vendor" / "echarts" / "taken.json",
    DESK / "foundation" / "fonts" / "taken.json",
)


# Of what tests do, one process leaves half of two cores idle. The longest files are begun first. What needs
# a running PostgreSQL or broker is asked for by itself.
SPREAD = ["-n", "2", "--no-loadscope-reorder", "-m", "not service"]


class Trouble(Exception):
    """Something the reader can mend; its text is all that is shown."""


def keep_bytecode(environ):
    """Where Python is told to write no bytecode, every process would compile what it imports anew, for ten
    seconds and more, and a test run begins hundreds: it is kept among our own things instead."""
    if environ.pop("PYTHONDONTWRITEBYTECODE", "") and not environ.get("PYTHONPYCACHEPREFIX"):
        environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".tools" / "pycache")


# --- the registry: what pip was told, uv is told, and the other way round -----------------------


def pip_settings(environ):
    """What pip's files and variables say: {"index-url": ..., "find-links": ...}; {} without pip."""
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, env=environ
    )
    return read_pip_config(ran.stdout)


def read_pip_config(text):
    """The lines of `pip config list` as a dict; a variable beats [install], which beats [global]."""
    found = {}
    ranks = {"global": 0, "install": 1, ":env:": 2}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        try:
            value = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            continue
        if section in ranks and ranks[section] >= found.get(option, (-1,))[0]:
            found[option] = (ranks[section], str(value))
    return {option: value for option, (_, value) in found.items()}


def reachable(places):
    """The places without the local folders that do not exist: pip passes over those, uv fails."""
    kept = []
    for place in places:
        local = re.sub(r"^file://", "", place)
        if "://" in local or Path(local).exists():
            kept.append(place)
    return kept


def uv_environ(environ, pip):
    """The environment for uv: it does not read pip's settings, so they are handed over here.

    Several indexes are searched together (`unsafe-best-match`): every package is held by its hash,
    so a stranger's package of the same name cannot slip in.
    """
    env = dict(environ)
    env["UV_PYTHON_DOWNLOADS"] = "never"
    env.pop("VIRTUAL_ENV", None)
    if pip.get("index-url") and not (env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL")):
        env["UV_DEFAULT_INDEX"] = pip["index-url"]
    extra = reachable(pip.get("extra-index-url", "").split())
    if extra and not (env.get("UV_INDEX") or env.get("UV_EXTRA_INDEX_URL")):
        env["UV_INDEX"] = " ".join(extra)
        env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    links = reachable(pip.get("find-links", "").split())
    if links and not env.get("UV_FIND_LINKS"):
        env["UV_FIND_LINKS"] = ",".join(links)
    for option, variable in (
        ("cert", "SSL_CERT_FILE"),
        ("trusted-host", "UV_INSECURE_HOST"),
        ("proxy", "ALL_PROXY"),
    ):
        if pip.get(option):
            env.setdefault(variable, pip[option])
    return env


def uv_install(uv, pip):
    """`uv pip install`, without the registry where pip or uv is told to do without (uv has only a flag)."""
    without = pip.get("no-index", "") or os.environ.get("UV_NO_INDEX", "")
    flag = ["--no-index"] if without.lower() in ("1", "true", "yes", "on") else []
    return [uv, "pip", "install", *flag]


def pip_environ(environ, pip):
    """The environment for pip, which brings uv: uv's settings where pip has none of its own."""
    env = dict(environ)
    index = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL")
    if index and not pip.get("index-url"):
        env["PIP_INDEX_URL"] = re.sub(r"^[\w-]+=", "", index)
    if env.get("UV_FIND_LINKS") and not pip.get("find-links"):
        env["PIP_FIND_LINKS"] = env["UV_FIND_LINKS"].replace(",", " ")
    if env.get("UV_NO_INDEX") and not pip.get("no-index"):
        env["PIP_NO_INDEX"] = "1"
    if env.get("SSL_CERT_FILE") and not pip.get("cert"):
        env["PIP_CERT"] = env["SSL_CERT_FILE"]
    # A --target install refuses these two, which some machines set for everybody.
    env["PIP_USER"] = "0"
    env["PIP_REQUIRE_VIRTUALENV"] = "0"
    env.setdefault("PIP_RETRIES", "2")
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return env


UNREACHABLE = re.compile(
    r"connection|connect error|failed to fetch|error sending request|timed? ?out|name resolution|dns error"
    r"|getaddrinfo|max retries|proxy|certificate|ssl|no matching distribution|not found in the"
    r"|network|was not found|because there are no versions",
    re.IGNORECASE,
)


def explain_failure(what, output):
    """A message for a failed install, from the last lines the tool printed; passwords are hidden."""
    lines = [line for line in output.splitlines() if line.strip() and "is ignored: it is" not in line]
    tail = lines[-12:]
    said = re.sub(r"//[^/@\s]+@", "//***@", "\n".join("    " + line for line in tail))
    if "hash" in output.lower() and "mismatch" in output.lower():
        reason = (
            "A downloaded file is not the one that was locked. Nothing was installed from it.\n"
            "Ask whoever runs your registry mirror; do not go on without an answer."
        )
    elif "AssetError" in output:
        reason = "What it needs from npm stands below."
    elif UNREACHABLE.search(output):
        reason = (
            "The package registry could not be reached, or does not have what is needed.\n"
            "  behind a mirror:     set PIP_INDEX_URL (or UV_DEFAULT_INDEX) to its address\n"
            "  with no network:     docs/how-to/install-offline.md (a folder of wheels)\n"
            "  own certificates:    set SSL_CERT_FILE to the bundle"
        )
    else:
        reason = "What it said stands below."
    return "%s did not work. %s\n\n%s" % (what, reason, said)


def watched(what, command, env, cwd=None):
    """Runs an installer, shows its lines as they come, and explains a failure."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=str(cwd or ROOT),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(("Downloading", "Building", " Downloading")):
            say("      " + line.strip())
    if process.wait():
        raise Trouble(explain_failure(what, "".join(lines)))


# --- set-up --------------------------------------------------------------------------------------


def say(text):
    """One line to the reader, at once."""
    print(text, flush=True)


def digest(path):
    """The SHA-256 of a file, line ends aside (git may write CRLF on Windows)."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def in_venv(name, venv=VENV):
    """The path of a program of a virtual environment."""
    return venv / "Scripts" / (name + ".exe") if WINDOWS else venv / "bin" / name


def pinned_uv():
    """The version of uv that requirements-uv.lock names."""
    found = re.search(r"^uv==([\w.]+)", (ROOT / UV_LOCK).read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise Trouble("%s names no uv version. Take a fresh copy of the repository." % UV_LOCK)
    return found.group(1)


def bring_uv(pip):
    """The path of the pinned uv, installed into .tools/ when it is not there."""
    home = TOOLS / ("uv-" + pinned_uv())
    program = home / "bin" / ("uv.exe" if WINDOWS else "uv")
    if program.exists():
        return program
    say("      bringing uv %s" % pinned_uv())
    TOOLS.mkdir(exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix="uv-", dir=str(TOOLS)))
    try:
        install = [*pip_command(beside), "install", "--quiet", "--require-hashes", "--only-binary=:all:"]
        where = ["--target", beside / "uv", "-r", ROOT / UV_LOCK]
        watched("Bringing uv", [*install, *where], pip_environ(os.environ, pip))
        scripts = beside / "uv" / "Scripts"
        if scripts.exists() and not (beside / "uv" / "bin").exists():
            scripts.rename(beside / "uv" / "bin")
        if not program.exists():
            try:
                (beside / "uv").rename(home)
            except OSError:  # another run.py was quicker
                if not program.exists():
                    raise
    finally:
        shutil.rmtree(str(beside), ignore_errors=True)
    return program


def pip_command(scratch):
    """How to call pip: this Python's own, or that of a throw-away environment in `scratch`."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return own
    made = subprocess.run([sys.executable, "-m", "venv", str(scratch / "pip")], capture_output=True)
    if made.returncode:
        raise Trouble(
            "This Python has neither pip nor the means to get it.\n"
            "On Debian and Ubuntu: apt-get install python3-pip. Elsewhere: python3 -m ensurepip."
        )
    return [str(in_venv("python", scratch / "pip")), "-m", "pip"]


def stamp():
    """What .venv was set up from, or {} where that cannot be told."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def is_ready(lock):
    """Whether .venv holds this lock and this project, here, already."""
    was = stamp()
    return (
        was.get("root") == str(ROOT)
        and was.get("project") == digest(ROOT / "pyproject.toml")
        and was.get("locks", {}).get(lock) == digest(ROOT / lock)
        and assets_fresh()
        and in_venv("quanke").exists()
    )


def assets_fresh():
    """Whether what package-lock.json names was brought already."""
    return all(note.exists() for note in ASSETS) and stamp().get("assets") == digest(
        ROOT / "package-lock.json"
    )


def make_venv(uv, env):
    """Makes .venv, or keeps the one that is there if its Python runs and is new enough."""
    python = in_venv("python")
    if python.exists():
        question = "import sys; sys.exit(sys.version_info < %r)" % (OLDEST,)
        if subprocess.run([str(python), "-c", question], capture_output=True).returncode == 0:
            return
        say("      the Python of .venv does not run or is too old: making it anew")
    watched("Making .venv", [uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV], env)


def set_up(lock=RUN_LOCK):
    """Makes .venv hold what `lock` says and Quanke itself; does nothing when it does already."""
    if is_ready(lock):
        return
    began = time.monotonic()
    with_ = {DEV_LOCK: "with tests and linters", BENCH_LOCK: "with tests, linters and peers of benchmarks"}
    say("Setting up (%s)" % with_.get(lock, "once"))
    pip = pip_settings(os.environ)
    uv = bring_uv(pip)
    env = uv_environ(os.environ, pip)
    make_venv(uv, env)
    install = [*uv_install(uv, pip), "--python", in_venv("python")]
    say("      installing what %s lists" % lock)
    hashed = ["--require-hashes", "--build-constraints", lock]
    watched("Installing packages", [*install, *hashed, "-r", lock], env)
    if not (shutil.which("npm") or os.environ.get("QUANKE_ASSETS") or assets_fresh()):
        say("      bringing npm, which brings charts and a font")
        watched("Installing npm", [*install, "--require-hashes", "-r", NODE_LOCK], env)
    # hatchling stands in the lock too, so building the project asks no registry for anything.
    watched("Installing quanke", [*install, "--no-deps", "--no-build-isolation", "--editable", "."], env)
    write_stamp(lock)
    say("Set up in %.0f s" % (time.monotonic() - began))


def write_stamp(lock):
    """Notes what .venv now holds; the test lock holds everything the plain one does."""
    was = stamp()
    locks = was.get("locks", {}) if was.get("root") == str(ROOT) else {}
    for name in {RUN_LOCK, lock}:
        locks[name] = digest(ROOT / name)
    held = {"project": digest(ROOT / "pyproject.toml"), "assets": digest(ROOT / "package-lock.json")}
    new = {"root": str(ROOT), **held, "locks": locks}
    beside = STAMP.with_suffix(".new")
    beside.write_text(json.dumps(new, indent=1), encoding="utf-8")
    os.replace(str(beside), str(STAMP))


# --- commands ------------------------------------------------------------------------------------


def call(*command, **more):
    """Runs a command in the foreground and gives its exit status."""
    return subprocess.call([str(word) for word in command], cwd=str(more.get("cwd", ROOT)))


def setup(words):
    """`setup [--dev]`"""
    if words not in ([], ["--dev"]):
        raise Trouble("setup takes nothing, or --dev.")
    lock = DEV_LOCK if words else RUN_LOCK
    if is_ready(lock):
        say("Already set up.")
    set_up(lock)
    return 0


def demo(words):
    """`demo [...]`: a sample bank, two nights, a report; at a terminal, the desk over it at the end
    (--no-desk: not)."""
    set_up()
    opens = "--no-desk" not in words and sys.stdout.isatty()
    words = [word for word in words if word != "--no-desk"]
    home = words[words.index("--home") + 1] if "--home" in words[:-1] else "demo-home"
    status = call(in_venv("quanke"), "demo", "--home", "demo-home", *words)
    if status or not opens or "--help" in words:
        return status
    os.environ["QUANKE_DESK_DEMO"] = "1"
    return desk([str(ROOT / home)])


def quanke(words):
    """`quanke ...`: the command, as if .venv were active; paths are the caller's."""
    set_up()
    return call(in_venv("quanke"), *words, cwd=os.getcwd())


def desk(words):
    """`desk [HOME] [...]`: serves the desk over a home (default: demo-home, as a demo); further words go to
    `quanke-desk serve`."""
    set_up()
    given = bool(words) and not words[0].startswith("-")
    home = Path(words[0] if given else ROOT / "demo-home").resolve()
    if not (home / "nights").is_dir():
        raise Trouble("%s has no night yet: `python3 run.py demo` makes a sample bank." % home)
    os.environ["QUANKE_HOME"] = str(home)
    os.environ.setdefault("QUANKE_DESK_DEMO", "0" if given else "1")
    prepared = [["migrate", "--no-input", "--verbosity", "0"], ["bring_bank"]]
    if os.environ["QUANKE_DESK_DEMO"] == "1":
        prepared += [["demo_people"], ["demo_texts"]]
    for command in prepared:
        status = call(in_venv("quanke-desk"), *command)
        if status:
            return status
    return call(in_venv("quanke-desk"), "serve", *(words[1:] if given else words))


def test(words):
    """`test [...]`: pytest, then a plain summary. All tests go to two processes (`tests/conftest.py` says
    what stays together), but those that need PostgreSQL, Redis, NATS or RabbitMQ: `test -m service`. With
    words of your own it is one process, unless they say otherwise."""
    set_up(DEV_LOCK)
    results = ROOT / "build" / "tests.xml"
    results.parent.mkdir(exist_ok=True)
    if results.exists():
        results.unlink()
    status = call(in_venv("python"), "-m", "pytest", "--quiet", "--junitxml", results, *(words or SPREAD))
    if results.exists():
        say(summary(results.read_text(encoding="utf-8")))
    if not words:
        say("Tests against PostgreSQL, Redis, NATS and RabbitMQ: python3 run.py test -m service")
    if status == 5:
        say("No test was found.")
    return status


def summary(junit):
    """The counts of a JUnit file by test folder, as a small table."""
    folders = {}
    keys = ("passed", "failure", "error", "skipped", "s")
    for case in xml.etree.ElementTree.fromstring(junit).iter("testcase"):
        parts = case.get("classname", "").split(".")
        folder = parts[1] if len(parts) > 2 and parts[0] == "tests" else parts[0] or "(collection)"
        kinds = {child.tag for child in case}
        verdict = next((v for v in ("error", "failure", "skipped") if v in kinds), "passed")
        row = folders.setdefault(folder, dict.fromkeys(keys, 0))
        row[verdict] += 1
        row["s"] += float(case.get("time", 0))
    total = {key: sum(row[key] for row in folders.values()) for key in keys}
    line = "%-14s %7s %7s %7s %7s %8s"
    table = ["", line % ("Test summary", "passed", "failed", "errors", "skipped", "seconds")]
    for name, row in [*sorted(folders.items()), ("all", total)]:
        table.append(line % (name, *(row[key] for key in keys[:4]), "%.1f" % row["s"]))
    return "\n".join(table)


def bench(words):
    """`bench NAME [...]`: benchmarks/NAME.py, or the folder benchmarks/NAME."""
    folder = ROOT / "benchmarks"
    known = sorted(
        {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
        | {path.parent.name for path in folder.glob("*/__main__.py")}
    )
    name = words[0].replace("-", "_") if words else ""
    if name not in known:
        raise Trouble("Which benchmark? There are: %s." % (", ".join(known) or "none yet"))
    set_up(BENCH_LOCK)
    return call(in_venv("python"), "-m", "benchmarks." + name, *words[1:])


def lint(words):
    """`lint`: everything that reads the code without running the product."""
    if words:
        raise Trouble("lint takes nothing.")
    set_up(DEV_LOCK)
    python = in_venv("python")
    steps = (
        ("import rules", [in_venv("lint-imports"), "--no-cache", "--no-logo"]),
        ("ruff check", [in_venv("ruff"), "check", "--output-format=concise", "."]),
        ("ruff format", [in_venv("ruff"), "format", "--check", "--output-format=concise", "."]),
        ("types", [python, "-m", "mypy"]),
        ("generated pages", [python, "docs/generate.py", "--check"]),
        ("locks", [sys.executable, __file__, "lock", "--check"]),
    )
    failed = []
    for name, command in steps:
        say("--- " + name)
        if call(*command):
            failed.append(name)
    say("Lint: " + ("failed: " + ", ".join(failed) if failed else "all %d clean" % len(steps)))
    return 1 if failed else 0


def docs(words):
    """`docs [--check]`: the pages of docs/ that are made from code."""
    set_up(DEV_LOCK)
    return call(in_venv("python"), "docs/generate.py", *words)


def lock(words):
    """`lock [--check]`: uv.lock from pyproject.toml, and its exports from uv.lock."""
    if words not in ([], ["--check"]):
        raise Trouble("lock takes nothing, or --check.")
    pip = pip_settings(os.environ)
    uv = bring_uv(pip)
    # Only the lock's own index: another one's addresses would be written into uv.lock.
    env = {k: v for k, v in os.environ.items() if k not in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS")}
    if words:
        watched("Comparing", [uv, "lock", "--check", "--offline", "--python", sys.executable], env)
    else:
        watched("Locking", [uv, "lock", "--python", sys.executable], env)
    stale = []
    for name, groups in GROUPS.items():
        new = exported(uv, name, groups, env)
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == new:
            continue
        stale.append(name)
        if not words:
            path.write_text(new, encoding="utf-8", newline="\n")
    if stale:
        verdict = "Not what uv.lock says: %s. Run: python3 run.py lock" if words else "Wrote %s"
        say(verdict % ", ".join(stale))
    else:
        say("Locks are fresh.")
    return 1 if stale and words else 0


def exported(uv, name, groups, env):
    """The text of one export: versions and hashes, no registry address."""
    alone = "--only-group" if name in (UV_LOCK, NODE_LOCK) else "--group"
    words = [w for g in groups for w in (alone, g)]
    command = [uv, "export", "--frozen", "--quiet", "--no-emit-project", "--no-header", "--no-annotate"]
    ran = subprocess.run(
        [str(w) for w in [*command, *words]], cwd=str(ROOT), env=env, capture_output=True, text=True
    )
    if ran.returncode:
        raise Trouble(explain_failure("Exporting " + name, ran.stderr))
    return "# Written by `python3 run.py lock` from uv.lock. Do not edit.\n" + ran.stdout


# What the build makes and git does not hold, looked for in the environment the wheel was installed in.
BROUGHT = """
import sys, pathlib, quanke_desk
desk = pathlib.Path(quanke_desk.__file__).parent
wanted = [desk / "web/static/vendor/echarts/echarts.min.js", desk / "foundation/fonts/NotoSansSC-Regular.ttf"]
wanted += [p.with_suffix(".mo") for p in desk.rglob("*.po")]
lacking = [str(p.relative_to(desk)) for p in wanted if not p.is_file() or not p.stat().st_size]
sys.exit("lacks " + ", ".join(lacking) if lacking or len(wanted) < 4 else 0)
"""


def wheel(words):
    """`wheel`: build it, install it where no source is near, and see that library and desk are whole."""
    if words:
        raise Trouble("wheel takes nothing.")
    set_up(DEV_LOCK)
    pip = pip_settings(os.environ)
    uv, env = bring_uv(pip), uv_environ(os.environ, pip)
    dist = ROOT / "dist"
    shutil.rmtree(str(dist), ignore_errors=True)
    build = [uv, "build", "--quiet", "--wheel", "--sdist", "--no-build-isolation"]
    watched("Building", [*build, "--python", in_venv("python"), "--out-dir", dist, "."], env)
    built = next(dist.glob("*.whl"))
    with tempfile.TemporaryDirectory() as scratch:
        venv = Path(scratch) / "venv"
        watched("Making an environment", [uv, "venv", "--quiet", "--python", sys.executable, venv], env)
        install = [*uv_install(uv, pip), "--python", in_venv("python", venv)]
        watched("Installing packages", [*install, "--require-hashes", "-r", RUN_LOCK], env)
        watched("Installing the wheel", [*install, "--no-deps", built], env)
        if call(in_venv("quanke", venv), "--version", cwd=scratch):
            raise Trouble("The installed wheel does not run.")
        if call(in_venv("quanke-desk", venv), "check", cwd=scratch):
            raise Trouble("The desk of the installed wheel does not start.")
        if call(in_venv("python", venv), "-I", "-c", BROUGHT, cwd=scratch):
            raise Trouble("The installed wheel lacks what its build brings: ECharts, translations.")
    say("%s: %.1f MB" % (built.name, built.stat().st_size / 1e6))
    return 0


COMMANDS = {c.__name__: c for c in (setup, demo, desk, test, quanke, bench, lint, docs, wheel, lock)}


def newer_python():
    """Another Python on this machine that is new enough, or None."""
    for minor in range(OLDEST[1] + 4, OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if found and subprocess.call([found, "--version"], **quiet) == 0:
            return found
    return None


def main(words):
    """Runs one command and gives the exit status."""
    if sys.version_info < OLDEST:
        other = newer_python()
        if other:
            return subprocess.call([other, __file__, *words])
        sys.stderr.write(
            "Quanke needs Python %d.%d or later; this one is %s.\n"
            "Install a newer Python, then call run.py with it.\n" % (*OLDEST, sys.version.split()[0])
        )
        return 1
    if not words or words[0] not in COMMANDS:
        asked = bool(words) and words[0] in ("-h", "--help", "help")
        print(__doc__, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    keep_bytecode(os.environ)
    try:
        return COMMANDS[words[0]](words[1:])
    except Trouble as trouble:
        sys.stderr.write("\n%s\n" % trouble)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
