"""C++ as text, for the rules of this folder: code without literals, functions and classes."""
import re
from collections import namedtuple

# Comments, character and string literals. A ' between digits is a separator.
LITERAL = re.compile(r"//[^\n]*|/\*.*?\*/|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'|"
                     r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.M | re.S)

Scope = namedtuple("Scope", "kind name first last members")  # first and last: lines from 1


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code_of(text):
    """The text with comments, literals and preprocessor lines blanked; lines and columns stay."""
    return DIRECTIVE.sub(blank, LITERAL.sub(blank, text))


def without_brackets(text, opening, closing):
    depth, kept = 0, []
    for character in text:
        depth += character == opening
        if depth == 0:
            kept.append(character)
        if character == closing and depth > 0:
            depth -= 1
    return "".join(kept)


TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:typedef\s+)?(class|struct|union)\b"
                  r"(?:\s*alignas\s*\([^)]*\))?"
                  r"(?:\s*\[\[.*?\]\])?\s*([\w:]*(?:<.*>)?)", re.S)
NO_MEMBER = re.compile(r"^(?:using|typedef|friend|static|enum|class|struct|union|template|"
                       r"constexpr|public|private|protected)\b")
LABEL = re.compile(r"^(?:\s*(?:public|private|protected)\s*:(?!:))+")


def kind_of(header):
    """What a brace opens in a namespace or a class: namespace, class, function or other."""
    header = LABEL.sub("", header).strip()
    if re.match(r"(?:inline\s+)?namespace\b|extern\s*$", header):
        return "namespace", ""
    found = TYPE.match(header)
    if found and "(" not in without_brackets(header[found.end():], "<", ">"):
        return "class", found.group(2)
    plain = re.sub(r"operator\s*(?:\(\s*\)|[^\s\w(]+)", "operator", header)
    plain = without_brackets(plain, "<", ">")
    before = plain.split("(")[0]
    if "(" in plain and "=" not in before and not header.startswith("enum"):
        name = re.search(r"([\w:~]+)\s*$", before)
        return "function", name.group(1) if name else "?"
    return "other", ""


def data_members(statement):
    """How many data members one statement of a class declares."""
    text = LABEL.sub("", statement).strip()
    if not text or NO_MEMBER.match(text):
        return 0
    text = without_brackets(without_brackets(text, "<", ">"), "{", "}")
    if "(" in text.split("=")[0]:
        return 0
    # The initialisers' commas are in brackets.
    return 1 + without_brackets(text, "(", ")").count(",")


def scopes(text):
    """The functions and classes of a file, inner ones of functions excepted."""
    code = code_of(text)
    line_of = [1]
    for character in code:
        line_of.append(line_of[-1] + (character == "\n"))
    found, open_scopes = [], []  # an open scope: [kind, name, first line, members]
    start, inner, i = 0, 0, 0  # of the statement; braces within a function or a value; here

    def first_line(position):
        return line_of[position + len(code[position:]) - len(code[position:].lstrip())]

    while i < len(code):
        character = code[i]
        top = open_scopes[-1][0] if open_scopes else "namespace"
        if character == "{":
            kind, name = ("inner", "")
            if inner == 0 and top in ("namespace", "class"):
                header = code[start:i]
                kind, name = kind_of(header)
                initialiser = i > 0 and (code[i - 1].isalnum() or code[i - 1] in "_>,({=]")
                if initialiser or (kind == "function" and header.rstrip().endswith((",", "="))):
                    kind = "other"
                if header.count("(") != header.count(")"):
                    kind = "other"
            if kind in ("inner", "other"):
                inner += 1
            else:
                label = LABEL.match(code[start:i])
                begin = start + (label.end() if label else 0)
                open_scopes.append([kind, name, first_line(begin), 0])
                start = i + 1
        elif character == "}":
            if inner > 0:
                inner -= 1
            elif open_scopes:
                kind, name, first, members = open_scopes.pop()
                if kind != "namespace":
                    found.append(Scope(kind, name, first, line_of[i], members))
                start = i + 1
        elif character == ";" and inner == 0:
            if top == "class":
                open_scopes[-1][3] += data_members(code[start:i])
            start = i + 1
        # The statements of a function are of no interest here.
        if open_scopes and open_scopes[-1][0] == "function" and character in ";{":
            start = i + 1
        i += 1
    return found


def nested_conditionals(text):
    """The lines with a ?: within another one."""
    depth, waiting, lines, line = 0, [], [], 1
    code = code_of(text)
    for i, character in enumerate(code):
        if character == "\n":
            line += 1
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            while waiting and waiting[-1] > depth:
                waiting.pop()
        elif character in ",;":
            while waiting and waiting[-1] >= depth:
                waiting.pop()
        elif character == "?":
            if waiting:
                lines.append(line)
            waiting.append(depth)
    return lines
