"""Make `.venv`, fill it from a lock, then hand over to `dev.<command>` in it.

`run` installs what the running site needs, every other command everything.

Started by whatever `python3` the machine has: keep the syntax to what Python 3.6 can parse, so that an old
one gets a sentence and not a SyntaxError.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOG = os.path.join(VENV, "install.log")
# What a command needs installed: names of locks, of which the last contains the others.
SETS = {"run": ("run",), "test": ("run", "dev"), "install": ("run", "dev")}


class CannotInstall(Exception):
    """Its text is the one sentence the person reads."""


def main(arguments):
    if not arguments or arguments[0] not in SETS:
        return refuse("Say which command to run: {}.".format(", ".join(SETS)))
    try:
        check_python(sys.version_info[:3])
        check_platform(sys.platform)
        bring_up_to_date(SETS[arguments[0]])
    except CannotInstall as problem:
        return refuse(str(problem))
    except OSError as problem:
        return refuse(f"The virtual environment {VENV} could not be written: {problem}.")
    except KeyboardInterrupt:
        return refuse("Stopped before everything was installed; the next start continues from here.")
    if arguments[0] == "install":
        return 0
    os.chdir(ROOT)
    # Site and tests start dozens of Pythons: the first compiles for all, as the image is compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    python = venv_python()
    return os.execv(python, [python, "-m", "dev." + arguments[0]] + arguments[1:])


def refuse(sentence):
    sys.stderr.write(sentence + "\n")
    return 1


def check_python(version):
    if tuple(version[:2]) < OLDEST:
        found = ".".join(str(part) for part in version)
        wanted = ".".join(str(part) for part in OLDEST)
        raise CannotInstall(
            f"Bulq needs Python {wanted} or newer and this is {found}: "
            f"install a newer one and name it, as in `make run PYTHON=python3.12`."
        )


def check_platform(platform):
    if platform == "win32":
        raise CannotInstall("Bulq is developed on Linux and macOS; on Windows use WSL.")


def venv_python():
    return os.path.join(VENV, "bin", "python")


def bring_up_to_date(names):
    if is_installed(names[-1]):
        return
    with one_at_a_time():
        if is_installed(names[-1]):
            return
        if not venv_fits():
            make_venv()
        # Versions may change, so what was installed before has to be checked again.
        for name in SETS["install"]:
            if os.path.exists(stamp(name)):
                os.remove(stamp(name))
        install(lock(names[-1]))
        for name in names:
            with open(stamp(name), "w") as file:
                file.write(fingerprint(name))


def lock(name):
    return os.path.join(ROOT, "requirements-{}.txt".format(name))


def stamp(name):
    return os.path.join(VENV, "installed-" + name)


def is_installed(name):
    return os.path.exists(venv_python()) and read(stamp(name)) == fingerprint(name)


def fingerprint(name):
    with open(lock(name), "rb") as file:
        return "{}.{} {}".format(*sys.version_info[:2], hashlib.sha256(file.read()).hexdigest())


def one_at_a_time():
    """`make run` and `make test` started together on a fresh clone must not fill the same folder."""
    import fcntl  # not on Windows, which check_platform has refused by now

    held = open(os.path.join(ROOT, ".venv.lock"), "w")
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def venv_fits():
    version = "version = {}.{}.".format(*sys.version_info[:2])
    return os.path.exists(venv_python()) and version in read(os.path.join(VENV, "pyvenv.cfg")).replace(
        "version_info", "version"
    )


def make_venv():
    say("Creating the virtual environment ...")
    uv = find_uv()
    if uv and run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV]):
        return
    if not run([sys.executable, "-c", "import ensurepip, venv"]):
        raise CannotInstall(
            "The venv module of this Python lacks pip: install it "
            "(on Debian and Ubuntu: apt install python3-venv), or install uv, and start again."
        )
    if not run([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV]):
        raise CannotInstall(
            f"Python could not create the virtual environment {VENV}: {last_line()}. "
            "On Debian and Ubuntu `apt install python3-venv` often helps."
        )


def install(lock):
    name = os.path.basename(lock)
    say("Installing what {} names ...".format(name))
    python = venv_python()
    uv = find_uv() or uv_from_lock(lock)
    os.environ.setdefault("UV_SYSTEM_CERTS", "true")  # those the machine trusts, as pip uses
    if uv and run([uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", lock]):
        return
    if not has_pip() and not run([python, "-m", "ensurepip"]):
        raise CannotInstall(f"Installing the packages of {name} failed: {last_line()}.")
    if not run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock]):
        raise CannotInstall(
            f"Installing the packages of {name} failed: {last_line()}. "
            f"Is there a network connection? The full output is in {LOG}."
        )


def has_pip():
    return run([venv_python(), "-c", "import pip"])


def find_uv():
    """A version manager's shim can be on PATH without a uv behind it, so ask it."""
    uv = shutil.which("uv")
    return uv if uv and run([uv, "--version"]) else None


def uv_from_lock(lock):
    """uv installs in seconds what takes pip a minute; the lock pins it like everything else."""
    with open(lock) as file:
        block = requirement("uv", file.read())
    if not block:
        return None
    python = venv_python()
    with tempfile.TemporaryDirectory() as folder:
        wanted = os.path.join(folder, "uv.txt")
        with open(wanted, "w") as file:
            file.write(block)
        arguments = ["install", "--quiet", "--require-hashes", "-r", wanted]
        # The machine's own pip, where it has one: to give the environment another takes longer than all the rest.
        installed = (
            run([sys.executable, "-m", "pip", "--python", python] + arguments)
            or ((has_pip() or run([python, "-m", "ensurepip"])) and run([python, "-m", "pip"] + arguments))
        )  # fmt: skip
    return os.path.join(VENV, "bin", "uv") if installed else None


def requirement(name, lock):
    """The lines of one package in a lock: `name==version \\` and its indented hashes."""
    lines, inside = [], False
    for line in lock.splitlines():
        inside = line.startswith(name + "==") or (inside and line.startswith(" "))
        if inside and "#" not in line:
            lines.append(line)
    return "\n".join(lines).rstrip("\\ ") + "\n" if lines else ""


def run(command):
    """Run quietly; say whether it worked. The output is kept in the log."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode:
        output = result.stdout.decode("utf-8", "replace")
        run.output = output
        if os.path.isdir(VENV):
            with open(LOG, "a") as log:
                log.write("$ {}\n{}\n".format(" ".join(command), output))
    return result.returncode == 0


def last_line():
    lines = [line.strip() for line in getattr(run, "output", "").splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason was given"


def say(sentence):
    print(sentence, flush=True)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
