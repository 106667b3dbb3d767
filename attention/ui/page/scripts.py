"""The page's scripts as one: ES modules, put in order by their imports, each in a scope of its own.

The modules are plain files under assets/; a browser can load them as they are. One inline script starts
the page sooner than fifty files served, and a saved page must be one file. Understood are ``import { a, b
as c } from "./path.js"``, ``export const|function|class name`` and ``export { a, b }``, each at the start of
a line; any other import or export is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]*)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|async function|function|class) (\w+))", re.MULTILINE)
NAMES = re.compile(r"^export \{([^}]*)\};\n?", re.MULTILINE)


def names_in(braces: str) -> list[tuple[str, str]]:
    """``a, b as c`` -> [("a", "a"), ("b", "c")]."""
    pairs = [part.split(" as ") for part in braces.split(",") if part.strip()]
    return [(pair[0].strip(), pair[-1].strip()) for pair in pairs]


class Linker:
    """Modules below ``root``, linked in the order of their imports: ``parts`` is the script so far."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.exports: dict[str, list[str]] = {}  # of every module that is linked
        self.parts: list[str] = []
        self.under_way: list[str] = []

    def add(self, path: Path) -> str:
        """Link a module after all that it imports -> its name, the path below ``root``."""
        name = path.resolve().relative_to(self.root).as_posix()
        if not path.is_file():
            raise ValueError(f"{' -> '.join([*self.under_way, name])}: {name} is no file")
        if name in self.under_way:
            raise ValueError(f"scripts import each other in a circle: {' -> '.join([*self.under_way, name])}")
        if name in self.exports:
            return name
        source = path.read_text("utf-8")
        self.under_way.append(name)
        taken = [self._take(name, braces, path.parent / other) for braces, other in IMPORT.findall(source)]
        self.under_way.pop()
        given = [(one, one) for one in EXPORT.findall(source)]
        given += [pair for braces in NAMES.findall(source) for pair in names_in(braces)]
        body = NAMES.sub("", EXPORT.sub("", IMPORT.sub("", source)))
        if odd := re.search(r"^(?:import|export)\b.*", body, re.MULTILINE):
            raise ValueError(f"{name}: {odd[0]!r} is no import or export that is linked here")
        self.exports[name] = [outer for _, outer in given]
        members = ", ".join(f"{outer}: {inner}" for inner, outer in given)
        scope = f"{''.join(taken)}{body}return {{ {members} }};"
        self.parts.append(f"modules[{json.dumps(name)}] = (() => {{\n{scope}\n}})();\n")
        return name

    def _take(self, name: str, braces: str, path: Path) -> str:
        other = self.add(path)
        for wanted, _ in names_in(braces):
            if wanted not in self.exports[other]:
                raise ValueError(f"{name} imports {wanted} from {other}, which exports {self.exports[other]}")
        taken = ", ".join(f"{inner}: {own}" for inner, own in names_in(braces))
        return f"const {{ {taken} }} = modules[{json.dumps(other)}];\n"


def link(root: Path, roots: list[Path], name: str) -> str:
    """One script that runs ``roots``, and all they import, once; ``window.name`` gets their exports.

    Raises ``ValueError`` for a circle, a file or a name that is not there, and syntax not linked here.
    """
    linker = Linker(root)
    names = [linker.add(path) for path in roots]
    members = sorted(one for module in names for one in linker.exports[module])
    if len(members) > len(set(members)):
        raise ValueError(f"each member of {name} must come from one script, got {members}")
    entries = ", ".join(f"...modules[{json.dumps(module)}]" for module in names)
    start = '(() => {\n"use strict";\nconst modules = {};\n'
    return f"{start}{''.join(linker.parts)}window.{name} = {{ {entries} }};\n}})();\n"
