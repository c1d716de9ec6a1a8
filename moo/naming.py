"""What a name on the command line stands for: a built-in problem, a method, or a problem in a file.

Classes are found in their packages, by what they are; there is no list to edit. Parameters are
literals: text from the command line is never evaluated.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pymoo.core.problem

import moo.optimizers
import moo.problems
from moo.errors import MooError, OptionError, unknown_name
from moo.optimizers.base import Optimizer

_FILE = re.compile(r"(?P<path>.+\.py)(:(?P<name>\w+))?")
_PROBLEM = pymoo.core.problem.Problem  # moo's problems are pymoo problems


class UserCodeError(MooError):
    """The user's file cannot be imported; ``trace`` is the traceback without moo's own frames."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


# ---------------------------------------------------------------------- what there is


def methods() -> dict[str, type]:
    """Every optimizer class of `moo.optimizers` by its name, in alphabetical order."""
    return _classes(moo.optimizers, lambda member: issubclass(member, Optimizer))


def problems() -> dict[str, type]:
    """Every problem class of `moo.problems` and `moo.multimodal` that needs no arguments."""
    models = _classes(import_module("moo.multimodal"), lambda member: issubclass(member, _PROBLEM))
    complete = {name: cls for name, cls in models.items() if not _required(cls)}
    return dict(sorted({**moo.problems.all_classes(), **complete}.items()))


def datasets() -> dict[str, type]:
    """Every data set class of `moo.multimodal` by its name."""
    found: dict[str, type] = import_module("moo.multimodal").datasets()
    return found


def tasks() -> dict[str, type]:
    """Every task class of `moo.multimodal` by what ``moo train`` calls it."""
    found: dict[str, type] = import_module("moo.multimodal.tasks").tasks()
    return found


def described(classes: Mapping[str, type]) -> list[dict[str, Any]]:
    """For each class its name, its parameters with their defaults, and the first sentence of its
    docstring."""
    return [
        {"name": name, "parameters": _parameters(cls), "summary": _summary(cls)}
        for name, cls in classes.items()
    ]


def _classes(package: ModuleType, wanted: Callable[[type], bool]) -> dict[str, type]:
    """The concrete public classes that the package's modules define, by name."""
    found = {}
    for entry in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for name, member in vars(import_module(entry.name)).items():
            own = inspect.isclass(member) and member.__module__ == entry.name and not name.startswith("_")
            if own and wanted(member) and not inspect.isabstract(member):
                found[name] = member
    return dict(sorted(found.items()))


def _required(cls: type) -> list[str]:
    """Parameters without a default."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]


def _parameters(cls: type) -> dict[str, str]:
    return {name: repr(p.default) for name, p in inspect.signature(cls).parameters.items()}


def _summary(cls: type) -> str:
    """The first sentence of the docstring, on one line."""
    paragraph = " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[a-z)])\. (?=[A-Z])", paragraph)[0].rstrip(".")


# ---------------------------------------------------------------------- from a name to an object


def method(text: str) -> Optimizer[Any]:
    """The optimizer of "NSGA2" or "nsga2(pop_size=50)".

    Raises:
        OptionError: for an unknown method or parameter, and for values that are no literals.
    """
    made = construct(text, methods(), "method")
    assert isinstance(made, Optimizer)
    return made


def problem(text: str) -> tuple[str, Any]:
    """Name and problem of "FILE.py:NAME", of "FILE.py" with a single problem, or of a built-in one
    like "zdt1" or "DTLZ2(n_obj=4)".

    Raises:
        OptionError: for an unknown problem, file or parameter. UserCodeError: when the file does not
        import.
    """
    file = _FILE.fullmatch(text)
    if file is not None:
        return _from_file(file["path"], file["name"])
    made = construct(text, problems(), "problem")
    given = re.search(r"\(.+\)", text)
    return type(made).__name__ + (given[0] if given else ""), made


def construct(text: str, classes: Mapping[str, type], kind: str) -> Any:
    """An object of the class that is named, in any case, with the parameters given as literals."""
    name, keywords = _parsed(text, kind)
    by_lower = {known.lower(): cls for known, cls in classes.items()}
    if name.lower() not in by_lower:
        raise OptionError(unknown_name(kind, name, classes))
    cls = by_lower[name.lower()]
    accepted = inspect.signature(cls).parameters
    for keyword in keywords:
        if keyword not in accepted:
            raise OptionError(unknown_name(f"parameter of {cls.__name__}", keyword, accepted))
    try:
        return cls(**keywords)
    except MooError:
        raise
    except (TypeError, ValueError) as error:
        raise OptionError(f"{text} is not accepted: {error}") from error


def _parsed(text: str, kind: str) -> tuple[str, dict[str, Any]]:
    """ "Name(a=1)" as ("Name", {"a": 1}); nothing is evaluated."""
    unclear = OptionError(f"{kind} {text!r} is not understood: write Name or Name(parameter=value, ...)")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise unclear from None
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        raise unclear
    return node.func.id, {_keyword(k, text): _literal(k, text) for k in node.keywords}


def _keyword(keyword: ast.keyword, text: str) -> str:
    if keyword.arg is None:
        raise OptionError(f"{text} is not accepted: give each parameter as name=value")
    return keyword.arg


def _literal(keyword: ast.keyword, text: str) -> Any:
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        raise OptionError(
            f"{keyword.arg} of {text} is no literal: give a number, a quoted text, True, False, None, "
            "or a list of them"
        ) from None


# ---------------------------------------------------------------------- problems in a user's file


def _from_file(path: str, name: str | None) -> tuple[str, Any]:
    module = _imported(path)
    candidates = _candidates(module)
    if name is not None:
        if not _is_problem(vars(module).get(name)):
            raise OptionError(_no_such(path, name, candidates))
        return name, _object(vars(module)[name])
    if len(candidates) != 1:
        raise OptionError(_which(path, candidates))
    made = _object(next(iter(candidates.values())))
    title = getattr(made, "title", None)
    return Path(path).stem if title in (None, "Problem") else str(title), made


def _imported(path: str) -> ModuleType:
    """The module, run as ``python FILE.py`` runs it: modules beside it can be imported."""
    if not Path(path).is_file():
        raise OptionError(f"there is no file {path}")
    name = f"_moo_user_{Path(path).stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    cloudpickle.register_pickle_by_value(module)  # no worker process can import it by this name
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name)
        raise UserCodeError(f"{path} cannot be imported", user_traceback(error)) from error
    return module


def _candidates(module: ModuleType) -> dict[str, Any]:
    """Problem objects of the module, each under its first name; where there are none, its own classes."""
    members = vars(module).items()
    objects = {name: member for name, member in members if isinstance(member, _PROBLEM)}
    if objects:
        return {name: o for name, o in objects.items() if name == _first_name(o, objects)}
    own = {name: member for name, member in members if _is_problem(member)}
    return {
        name: cls for name, cls in own.items() if cls.__module__ == module.__name__ and not _required(cls)
    }


def _first_name(member: object, objects: Mapping[str, object]) -> str:
    return next(name for name, other in objects.items() if other is member)


def _is_problem(member: object) -> bool:
    return isinstance(member, _PROBLEM) or (inspect.isclass(member) and issubclass(member, _PROBLEM))


def _object(member: Any) -> Any:
    return member() if inspect.isclass(member) else member


def _no_such(path: str, name: str, candidates: Iterable[str]) -> str:
    if not candidates:
        return f"{path} holds no moo.Problem, and none called {name!r}"
    return unknown_name(f"problem in {path}", name, candidates)


def _which(path: str, candidates: Mapping[str, object]) -> str:
    if not candidates:
        return f"{path} holds no moo.Problem: expected an object at the top level of the file"
    return f"{path} holds several problems: say which, as {path}:NAME, of {', '.join(candidates)}"


# ---------------------------------------------------------------------- tracebacks


def user_traceback(error: BaseException) -> str:
    """The traceback without the frames of moo and of Python's import machinery."""
    ours = str(Path(moo.__file__).resolve().parent)
    report = traceback.TracebackException.from_exception(error)
    report.stack = traceback.StackSummary.from_list(
        [frame for frame in report.stack if not frame.filename.startswith((ours, "<frozen"))]
    )
    report.__cause__ = report.__context__ = None
    return "".join(report.format()).rstrip()


def passes_through(error: BaseException, files: Iterable[str]) -> bool:
    """Whether one of these files is in the error's traceback."""
    resolved = {str(Path(file).resolve()) for file in files}
    return any(frame.filename in resolved for frame in traceback.extract_tb(error.__traceback__))


def file_of(text: str) -> str | None:
    """The file that a problem argument names, if it names one."""
    match = _FILE.fullmatch(text)
    return None if match is None else match["path"]
