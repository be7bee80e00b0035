// What an executable over the stand-in brings: its WinMain.
#pragma once

/// Called from the engine's WinMain at 0x0086A850, with all of the engine's statics built. Its result is the process's
/// exit code.
extern "C" int standin_win_main(int argc, char** argv);
