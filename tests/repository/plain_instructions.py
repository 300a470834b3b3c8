#!/usr/bin/env python3
"""plain_instructions.py OBJDUMP NM ARCHIVE: does the library use wider instructions than plain
x86-64 only where the processor is known to have them?

They may be in files compiled for a set (cpu_kernels_avx2, cpu_kernels_avx512), and in functions
named *_avx2 and *_avx512. Of what several files define alike, the linker keeps one copy: what
files compiled for a set define so must have the width of their vectors in its name. Prints what
is elsewhere, exit code 1 if there is anything."""
import re
import subprocess
import sys

FILE = re.compile(r"^(\S+\.o(?:bj)?):\s+file format (\S+)")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
# All of AVX and AVX-512 begin with v; the rest are single instructions of SSE3 to SSE4.2, BMI, ADX
# and the like that compilers make of C++.
WIDER = re.compile(r"^\s+[0-9a-f]+:\s+(?:lock |rep |repz |notrack )*("
                   r"v[a-z]\w*|andnl?|bextr|bls[irm]\w*|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|"
                   r"lzcnt|popcnt\w*|movbe|crc32\w*|pshufb|palignr|pabs[bwd]|phadd\w*|haddp[sd]|"
                   r"hsubp[sd]|addsubp[sd]|movddup|movs[hl]dup|lddqu|blendv?p[sd]|pblend\w+|"
                   r"round[sp][sd]|dpp[sd]|insertps|extractps|pinsr[bdq]|pextr[bdq]|"
                   r"pm(?:in|ax)(?:s[bd]|u[wd])|pmulld|pmuldq|pmov[sz]x\w+|ptest|pcmpeqq|pcmpgtq|"
                   r"packusdw|adcx|adox|aes\w+|pclmul\w+|sha(?:1|256)\w+)(?:\s|$)")
FOR_A_SET = re.compile(r"cpu_kernels_avx(?:2|512)\.cpp\.o(?:bj)?$")
OF_A_WIDTH = re.compile(r"Li(?:8|16)E")
NAMED = re.compile(r"[a-z]_avx(?:2|512)(?![a-z0-9])")


def wider(listing):
    """Function: its first wider instruction; of the files that are not compiled for a set."""
    found, file, function = {}, "", ""
    for line in listing:
        if FILE.match(line):
            file = FILE.match(line).group(1)
        elif FUNCTION.match(line):
            function = FUNCTION.match(line).group(1)
        elif WIDER.match(line) and not FOR_A_SET.search(file) and not NAMED.search(function):
            found.setdefault(f"{file}: {function}", WIDER.match(line).group(1))
    return found


def shared(listing):
    """What files compiled for a set share with others: weak and unique symbols without the width
    that only they use."""
    file = ""
    for line in listing:
        if re.match(r"^\S+\.o(?:bj)?:$", line):
            file = line[:-1]
        fields = line.split(maxsplit=2)
        if FOR_A_SET.search(file) and len(fields) == 3 and fields[1] in "WVu" and not (
            OF_A_WIDTH.search(fields[2]) or fields[2].startswith("DW.ref.")):
            yield f"{file}: {fields[2]} is shared with other files"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main(objdump, nm, archive):
    listing = output(objdump, "-d", "--no-show-raw-insn", archive)
    formats = {FILE.match(line).group(2) for line in listing if FILE.match(line)}
    if formats != {"elf64-x86-64"}:
        print(f"skipped: instructions of {', '.join(sorted(formats)) or 'no object'}, not of "
              f"elf64-x86-64")
        sys.exit(77)
    # Its own test: a function compiled for a set is seen, or there would be nothing to find
    # anywhere.
    if not any(WIDER.match(line) for line in listing):
        sys.exit(
            f"{archive}: no wider instruction at all, expected the kernels of AVX2 and AVX-512")
    faults = [f"{where}: {what}, which plain x86-64 lacks" for where,
              what in wider(listing).items()]
    faults += shared(output(nm, "--defined-only", archive))
    print("\n".join(faults) if faults else "wider instructions are where they belong")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
