// The program, whatever its side and wherever its own entry is.
#pragma once

/// The process's exit code: 0, or 2 when the arguments were wrong.
int bench_main(int argc, char** argv);
