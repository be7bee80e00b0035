#!/usr/bin/env python3
"""Lists the functions of a 32-bit Windows executable, and for those whose declaration tells it for sure what they pop.

Usage: pops.py OBJDUMP EXECUTABLE LIST. A line for each symbol in code, no two at one address: address (hexadecimal), size,
bytes popped or -, kind, name. The size reaches to the next symbol and may hold padding. The kind is function, noreturn for one
that its declaration or its name says never comes back, or label. Known is what the symbol's decoration or the debug information
says about the popped bytes:
  _name@N       stdcall, N bytes and the hidden pointer, if one is returned through
  thiscall      members with an object pointer that take no variable arguments: what does not travel in ECX
  fastcall      what does not travel in ECX and EDX
  cdecl         nothing; also not the hidden pointer of a returned structure (the Windows ABI leaves it to the caller)
Not told is what a compiler may have changed (local functions, clones), what is not declared fully, and everything else about
which a doubt remains. No instruction is read.
"""

import bisect
import re
import subprocess
import sys

WORD = 4
STDCALL, FASTCALL, THISCALL = 0xB1, 0xB3, 0xB5  # DW_CC_BORLAND_stdcall, _msfastcall, _thiscall
NORMAL = 1
BY_REFERENCE, BY_VALUE = 4, 5
# Their stack is not what their declarations say.
ODD = re.compile(r"chkstk|alloca|setjmp|longjmp|^__?main$|_tls_|^___?mingw_(?:tls|pcinit|pcpp)")
# Functions of the runtime and the system that never come back.
ENDS = re.compile(r"^_(?:abort|exit|_exit|_Exit|quick_exit|longjmp|_wassert|_assert|_amsg_exit|_endthread|_endthreadex|_Unwind_Resume"
                  r"|__cxa_(?:throw|rethrow|bad_cast|bad_typeid|throw_bad_array_new_length|call_unexpected|pure_virtual)"
                  r"|_ZSt(?:9terminatev|10unexpectedv)|ExitProcess@4|ExitThread@4)$")
CLONE = re.compile(r"\.(?:isra|constprop|part|cold|lto_priv|llvm)|\.\d+$")
DIE = re.compile(r"^ <(?P<depth>[0-9a-f]+)><(?P<at>[0-9a-f]+)>: Abbrev Number: \d+(?: \((?P<tag>DW_TAG_\w+)\))?")
ATTRIBUTE = re.compile(r"^    <[0-9a-f]+>\s+(DW_AT_\w+)\s*: (.*)$")
SYMBOL = re.compile(r"^\[ *\d+\]\(sec +(-?\d+)\)\(fl 0x..\)\(ty +([0-9a-f]+)\)\(scl +(\d+)\) \(nx \d+\) 0x([0-9a-f]+) (.*)$")


class Unsure(Exception):
    """What decides is not told."""


class Die:
    __slots__ = ("tag", "attributes", "children", "parent")

    def __init__(self, tag, parent):
        self.tag, self.parent, self.attributes, self.children = tag, parent, {}, []

    def text(self, name):
        value = self.attributes.get(name)
        return None if value is None else value.split("): ")[-1].strip() if value.startswith("(") else value.strip()

    def number(self, name):
        value = self.attributes.get(name)
        return None if value is None else int(value.split()[0], 0)

    def flag(self, name):
        return name in self.attributes


def formal_of(die):
    return [child for child in die.children if child.tag == "DW_TAG_formal_parameter"]


class DebugInformation:
    KEPT = {"DW_AT_name", "DW_AT_linkage_name", "DW_AT_type", "DW_AT_byte_size", "DW_AT_low_pc", "DW_AT_artificial",
            "DW_AT_object_pointer", "DW_AT_specification", "DW_AT_abstract_origin", "DW_AT_calling_convention",
            "DW_AT_external", "DW_AT_declaration", "DW_AT_producer", "DW_AT_noreturn"}

    def __init__(self, objdump, executable):
        self.at, self.functions = {}, []
        text = run(objdump, "--dwarf=info", executable)
        open_at, current, unit = {}, None, None
        for line in text.splitlines():
            if line.startswith(" <"):
                match = DIE.match(line)
                if match is None or match["tag"] is None:
                    current = None
                    continue
                depth = int(match["depth"], 16)
                parent = open_at.get(depth - 1) if depth else None
                current = Die(match["tag"], parent)
                open_at[depth] = current
                if parent is not None:
                    parent.children.append(current)
                self.at[int(match["at"], 16)] = current
                if current.tag == "DW_TAG_subprogram":
                    self.functions.append(current)
            elif current is not None:
                match = ATTRIBUTE.match(line)
                if match and match[1] in self.KEPT:
                    current.attributes[match[1]] = match[2]

    def target(self, die, name):
        value = die.attributes.get(name)
        match = re.search(r"<0x([0-9a-f]+)>", value) if value else None
        return self.at.get(int(match[1], 16)) if match else None

    def chain(self, die):
        """The entry itself, then those that it completes."""
        while die is not None:
            yield die
            die = self.target(die, "DW_AT_abstract_origin") or self.target(die, "DW_AT_specification")

    def find(self, die, name):
        return next((d for d in self.chain(die) if d.flag(name)), None)

    # --- types ---

    def type_of(self, die):
        holder = self.find(die, "DW_AT_type")
        kind = self.target(holder, "DW_AT_type") if holder else None
        while kind is not None and kind.tag in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"):
            if not kind.flag("DW_AT_type"):
                return None
            kind = self.target(kind, "DW_AT_type")
        return kind

    def is_word(self, kind):
        return kind.tag in ("DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type")

    def parameter_size(self, kind):
        """Bytes on the stack."""
        if kind is None:
            raise Unsure("a parameter without a type")
        if self.is_word(kind):
            return WORD
        if kind.tag in ("DW_TAG_base_type", "DW_TAG_enumeration_type") and kind.number("DW_AT_byte_size"):
            return (kind.number("DW_AT_byte_size") + WORD - 1) // WORD * WORD
        if kind.tag in ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type"):
            how, size = self.way_of(kind), kind.number("DW_AT_byte_size")
            if how == BY_REFERENCE:
                return WORD
            if how == BY_VALUE and size and size > 1:  # an empty one may be passed or not
                return (size + WORD - 1) // WORD * WORD
        raise Unsure(f"a parameter of {kind.tag}")

    def hidden_pointer(self, function):
        """True when the result travels through a pointer that the caller passes."""
        holder = self.find(function, "DW_AT_type")
        if holder is None:
            return False
        kind = self.type_of(function)
        if kind is None or self.is_word(kind) or kind.tag == "DW_TAG_enumeration_type":
            return False
        if kind.tag == "DW_TAG_base_type":
            if kind.number("DW_AT_byte_size") > 12:
                raise Unsure("a result in several registers")
            return False
        how, size = self.way_of(kind), kind.number("DW_AT_byte_size")
        if how == BY_REFERENCE or (how == BY_VALUE and size and (size > 8 or size in (5, 6, 7, 3))):
            return True
        if how == BY_VALUE and size in (4, 8) and self.only_words(kind):
            return False
        raise Unsure("a structure as a result")

    def way_of(self, kind):
        """By value or by reference; None when a doubt remains. GCC does not tell: only plain structures are sure then."""
        told = kind.number("DW_AT_calling_convention")
        if told is not None:
            return told
        members = [self.type_of(child) for child in kind.children if child.tag == "DW_TAG_member"]
        plain = len(members) == len(kind.children) and all(t is not None and self.is_plain(t) for t in members)
        return BY_VALUE if plain else None

    def is_plain(self, kind):
        if kind.tag == "DW_TAG_array_type":
            kind = self.type_of(kind)
        return kind is not None and (self.is_word(kind) or kind.tag == "DW_TAG_base_type")

    def only_words(self, kind):
        members = [child for child in kind.children if child.tag == "DW_TAG_member" and not child.flag("DW_AT_external")]
        types = [self.type_of(member) for member in members]
        return all(t is not None and (self.is_word(t) or t.tag == "DW_TAG_base_type") for t in types)

    # --- functions ---

    def parameters(self, function):
        """(parameters but for the object pointer, whether there is one, whether more may follow)."""
        counts = [len(formal_of(d)) for d in self.chain(function) if formal_of(d)]
        if len(set(counts)) > 1:
            raise Unsure("parameters that come and go")  # constructors of classes with virtual bases, clones
        has_object = self.find(function, "DW_AT_object_pointer") is not None
        variadic = any(c.tag == "DW_TAG_unspecified_parameters" for d in self.chain(function) for c in d.children)
        formal = next((formal_of(d) for d in self.chain(function) if formal_of(d)), [])
        if has_object:
            if not formal or self.find(formal[0], "DW_AT_artificial") is None:
                raise Unsure("an object pointer that is no parameter")
            formal = formal[1:]
        if any(self.find(parameter, "DW_AT_artificial") for parameter in formal):
            raise Unsure("a parameter that the compiler added")  # of classes with virtual bases
        return formal, has_object, variadic

    def popped(self, function, symbol):
        parameters, has_object, variadic = self.parameters(function)
        holder = self.find(function, "DW_AT_calling_convention")
        told = holder.number("DW_AT_calling_convention") if holder else NORMAL
        convention = {STDCALL: "stdcall", FASTCALL: "fastcall", THISCALL: "thiscall", NORMAL: "cdecl"}.get(told)
        if convention is None:
            raise Unsure("an unknown calling convention")
        if convention == "cdecl":  # told by clang only; GCC leaves it to the name and to the ABI
            if re.match(r"^@.*@\d+$", symbol):
                convention = "fastcall"
            elif re.match(r"^_.*@\d+$", symbol):
                convention = "stdcall"
            elif has_object and not variadic:
                convention = "thiscall"
        if convention == "cdecl" or variadic:
            return 0
        types = [self.type_of(parameter) for parameter in parameters]
        sizes = [self.parameter_size(kind) for kind in types]
        if convention == "fastcall":
            return self.popped_fastcall(function, types, sizes)
        return sum(sizes) + (WORD if self.hidden_pointer(function) else 0)

    def popped_fastcall(self, function, types, sizes):
        if self.hidden_pointer(function):
            raise Unsure("fastcall with a hidden pointer")
        registers, stack = 2, 0
        for kind, size in zip(types, sizes):
            if not self.is_word(kind) and kind.tag == "DW_TAG_base_type" and (size > WORD or "float" in kind.text("DW_AT_name")):
                raise Unsure("fastcall with wide parameters")
            if kind.tag in ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type"):
                raise Unsure("fastcall with structures")
            if registers > 0:
                registers -= 1
            else:
                stack += size
        return stack


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout


class Symbols:
    """What stands in code, by address. `names` has every symbol there, `functions` the addresses of functions, `external` the
    names of those that other files can call. `starts` has every symbol, as ends of what lies before."""

    def __init__(self, objdump, executable):
        sections = []  # (address, end, whether it is code) in their order
        for line in run(objdump, "-h", executable).splitlines():
            part = line.split()
            if len(part) == 7 and part[0].isdigit():
                start = int(part[3], 16)
                sections.append((start, start + int(part[2], 16), False))
            elif "CODE" in line:
                sections[-1] = (*sections[-1][:2], True)
        self.names, self.external, self.functions, starts = {}, {}, set(), set()
        for line in run(objdump, "-t", executable).splitlines():
            match = SYMBOL.match(line)
            if match is None or int(match[1]) < 1:
                continue
            start, end, code = sections[int(match[1]) - 1]
            address = start + int(match[4], 16)
            starts.update((address, end))  # of labels as well: an assembler's functions are not marked
            if not code or address >= end:
                continue
            self.names.setdefault(address, set()).add(match[5])
            if match[2] == "20":
                self.functions.add(address)
                if match[3] == "2":
                    self.external.setdefault(address, set()).add(match[5])
        self.starts = sorted(starts)

    def size(self, address):
        return self.starts[bisect.bisect_right(self.starts, address)] - address


def popped_by_name(name):
    """From a symbol alone; None when it does not tell."""
    match = re.match(r"^_[^@?]*@(\d+)$", name)
    if match and not name.startswith("__Z"):
        return int(match[1])
    if re.match(r"^__Z(?:\d|n[wa]|d[la])", name):
        return 0  # no member of anything: cdecl
    if re.match(r"^__ZN(?!K).*D[01]Ev$", name):
        return 0  # a destructor, thiscall without parameters
    if name.startswith("_") and not name.startswith("__Z") and "@" not in name:
        return 0  # cdecl
    return None


def functions_of(objdump, executable):
    """[(address, size, popped or None, kind, name)] in the order of the addresses."""
    symbols, information = Symbols(objdump, executable), DebugInformation(objdump, executable)
    defined, declared = {}, {}
    for function in information.functions:
        if function.flag("DW_AT_low_pc"):
            defined.setdefault(function.number("DW_AT_low_pc"), function)
        linkage = function.text("DW_AT_linkage_name")
        if linkage is not None:
            declared.setdefault(linkage.removeprefix("_") if linkage.startswith("__Z") else linkage, function)
    result = []
    for address, names in sorted(symbols.names.items()):
        external = sorted(symbols.external.get(address, ()))
        name = external[0] if external else sorted(names, key=lambda n: (n.startswith("."), n))[0]
        doubtful = not external or any(ODD.search(n) or CLONE.search(n) for n in external)
        popped = None if doubtful else popped_of(name, address, information, defined, declared)
        function = defined.get(address) or declared.get(name.removeprefix("_").split("@")[0])
        ends = any(ENDS.match(n) for n in names) or (function and information.find(function, "DW_AT_noreturn") is not None)
        kind = "noreturn" if ends else "function" if address in symbols.functions else "label"
        result.append((address, symbols.size(address), popped, kind, name))
    return result


def popped_of(name, address, information, defined, declared):
    function = defined.get(address) or declared.get(name.removeprefix("_").split("@")[0])
    if function is None:
        return popped_by_name(name)
    if function.flag("DW_AT_low_pc") and information.find(function, "DW_AT_external") is None:
        return None
    try:
        return information.popped(function, name)
    except Unsure:
        return None


def main():
    objdump, executable, path = sys.argv[1:]
    functions = functions_of(objdump, executable)
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(f"{address:08x} {size} {'-' if popped is None else popped} {kind} {name}\n"
                       for address, size, popped, kind, name in functions)


if __name__ == "__main__":
    main()
