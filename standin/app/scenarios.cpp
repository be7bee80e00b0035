#include "app/traffic.h"

#include <array>

namespace mp::app {
namespace {

// clang-format off
constexpr SizeRange kCombatSizes[] = {  // projectiles, hits, ragdolls, effects
    {4, 8, 150}, {9, 16, 130}, {17, 20, 100}, {21, 32, 100}, {33, 48, 90}, {49, 56, 70}, {57, 80, 90}, {81, 96, 70},
    {97, 128, 40}, {129, 176, 30}, {177, 288, 40}, {289, 416, 25}, {417, 640, 30}, {641, 1280, 20}, {1281, 4096, 12},
    {4097, 16384, 3},
};
constexpr SizeRange kStripSizes[] = {  // many actors: packages, paths, tree nodes
    {4, 8, 180}, {9, 16, 160}, {17, 24, 120}, {25, 40, 110}, {41, 64, 110}, {65, 80, 90}, {81, 96, 80}, {97, 112, 30},
    {113, 192, 40}, {193, 256, 25}, {257, 512, 25}, {513, 1023, 10}, {1024, 1280, 12}, {1281, 4096, 6}, {4097, 12288, 2},
};
constexpr SizeRange kScriptSizes[] = {  // strings, variables, event lists
    {1, 8, 160}, {9, 16, 180}, {17, 32, 200}, {33, 64, 160}, {65, 128, 110}, {129, 260, 90}, {261, 512, 40},
    {513, 1024, 25}, {1025, 4096, 12}, {4097, 8192, 3},
};
constexpr SizeRange kWorldSizes[] = {  // references, scene nodes, shapes
    {4, 8, 170}, {9, 16, 120}, {17, 20, 90}, {21, 32, 110}, {33, 56, 110}, {57, 72, 70}, {73, 80, 90}, {81, 96, 90},
    {97, 128, 45}, {129, 208, 35}, {209, 288, 30}, {289, 508, 30}, {509, 640, 25}, {641, 1279, 15}, {1280, 1536, 10},
    {1537, 4096, 10}, {4097, 32768, 4},
};
constexpr SizeRange kModSizes[] = {  // large mod lists: very many tiny cells, and the classes that fill up
    {1, 8, 420}, {9, 16, 140}, {17, 20, 90}, {21, 56, 90}, {57, 80, 70}, {81, 96, 60}, {97, 512, 45}, {513, 640, 22},
    {1024, 1280, 20}, {2048, 2416, 12}, {3072, 3584, 10}, {4097, 65536, 2},
};
constexpr SizeRange kSoundSizes[] = {
    {16, 64, 120}, {65, 256, 80}, {257, 1024, 80}, {1025, 4096, 90}, {4097, 16384, 20},
};

//  role          allocs sizes        brief cell life     main  crt rsz query scrap low   high   bufs low     high
constexpr Traffic kCombat[] = {
    {Role::main,   2400, kCombatSizes, 550,   0,  2,  60,    0,  60,  20,  60,   40, 128,  12288,   0, 0, 0},
    {Role::ai,     1200, kCombatSizes, 600,   0,  2,  30,   80,  20,   6,  20,   48, 256,  16384,   0, 0, 0},
    {Role::ai,     1200, kCombatSizes, 600,   0,  2,  30,   80,  20,   6,  20,   48, 256,  16384,   0, 0, 0},
    {Role::io,       40, kWorldSizes,  300,   0,  5,  60,  700,   0,   0,   0,    4, 256,   4096,   5, 16384, 262144},
    {Role::io,       40, kWorldSizes,  300,   0,  5,  60,  700,   0,   0,   0,    4, 256,   4096,   5, 16384, 262144},
    {Role::audio,    80, kSoundSizes,  400,   0,  2,  40,    0,  50,   0,   0,    4, 256,   2048,   4, 8192, 65536},
};
constexpr Traffic kStrip[] = {
    {Role::main,   3000, kStripSizes,  500,   0,  2,  80,    0,  50,  20,  80,   64, 128,   8192,   0, 0, 0},
    {Role::ai,     2000, kStripSizes,  650,   0,  2,  40,   60,  10,  10,  40,   80, 128,  12288,   0, 0, 0},
    {Role::ai,     2000, kStripSizes,  650,   0,  2,  40,   60,  10,  10,  40,   80, 128,  12288,   0, 0, 0},
    {Role::io,       80, kWorldSizes,  200,   0,  5,  80,  700,   0,   0,   0,    4, 256,   4096,   8, 16384, 524288},
    {Role::io,       80, kWorldSizes,  200,   0,  5,  80,  700,   0,   0,   0,    4, 256,   4096,   8, 16384, 524288},
    {Role::audio,    90, kSoundSizes,  400,   0,  2,  40,    0,  50,   0,   0,    4, 256,   2048,   4, 8192, 65536},
};
constexpr Traffic kScripted[] = {
    {Role::main,   2600, kScriptSizes, 600,   0,  2,  90,    0, 600, 220, 120,   30, 128,   8192,   0, 0, 0},
    {Role::ai,      500, kStripSizes,  600,   0,  2,  30,   60,  10,   4,  10,   30, 128,   8192,   0, 0, 0},
    {Role::ai,      500, kStripSizes,  600,   0,  2,  30,   60,  10,   4,  10,   30, 128,   8192,   0, 0, 0},
    {Role::io,       40, kWorldSizes,  300,   0,  5,  60,  700,   0,   0,   0,    4, 256,   4096,   6, 16384, 262144},
    {Role::io,       40, kWorldSizes,  300,   0,  5,  60,  700,   0,   0,   0,    4, 256,   4096,   6, 16384, 262144},
    {Role::audio,   140, kSoundSizes,  400,   0,  2,  40,    0,  50,   0,   0,    8, 256,   4096,   8, 8192, 131072},
};
constexpr Traffic kStreaming[] = {
    {Role::main,   1500, kWorldSizes,  450,   0,  2,  60,    0,  40,  10,  40,   30, 128,   8192,   0, 0, 0},
    {Role::ai,      600, kStripSizes,  600,   0,  2,  30,   60,  10,   4,  10,   30, 128,   8192,   0, 0, 0},
    {Role::ai,      600, kStripSizes,  600,   0,  2,  30,   60,  10,   4,  10,   30, 128,   8192,   0, 0, 0},
    {Role::io,      350, kWorldSizes,  200, 300,  4,  40,  800,   0,   0,   0,   10, 256,  32768,  20, 32768, 1048576},
    {Role::io,      350, kWorldSizes,  200, 300,  4,  40,  800,   0,   0,   0,   10, 256,  32768,  20, 32768, 1048576},
    {Role::loader,  900, kWorldSizes,  150, 700,  4,  60,  900,  30,   2,   0,   20, 256,  32768,  10, 65536, 1048576},
    {Role::loader,  900, kWorldSizes,  150, 700,  4,  60,  900,  30,   2,   0,   20, 256,  32768,  10, 65536, 1048576},
    {Role::audio,    80, kSoundSizes,  400,   0,  2,  40,    0,  50,   0,   0,    4, 256,   2048,   4, 8192, 65536},
};
constexpr Traffic kModded[] = {
    {Role::main,   3600, kModSizes,    500,   0,  2, 100,    0, 250, 120, 120,   50, 128,  12288,   0, 0, 0},
    {Role::ai,     1200, kModSizes,    600,   0,  2,  40,   80,  20,  10,  20,   50, 128,  12288,   0, 0, 0},
    {Role::ai,     1200, kModSizes,    600,   0,  2,  40,   80,  20,  10,  20,   50, 128,  12288,   0, 0, 0},
    {Role::io,      150, kModSizes,    200,   0,  5,  80,  700,   0,   0,   0,    6, 256,   8192,  12, 16384, 1048576},
    {Role::io,      150, kModSizes,    200,   0,  5,  80,  700,   0,   0,   0,    6, 256,   8192,  12, 16384, 1048576},
    {Role::audio,   100, kSoundSizes,  400,   0,  2,  40,    0,  50,   0,   0,    4, 256,   2048,   4, 8192, 65536},
};
constexpr Traffic kInitialLoad[] = {
    {Role::main,   5000, kWorldSizes,  250, 900,  1,   8,    0, 200,  60,  60,   60, 256,  16384,  10, 65536, 1048576},
    {Role::io,     1500, kWorldSizes,  250, 800,  1,  10,  600,   0,   0,   0,   10, 256,  32768,  20, 65536, 1048576},
    {Role::io,     1500, kWorldSizes,  250, 800,  1,  10,  600,   0,   0,   0,   10, 256,  32768,  20, 65536, 1048576},
    {Role::loader, 4000, kWorldSizes,  200, 900,  1,  10,  600,  50,  10,   0,   40, 256,  32768,   8, 65536, 1048576},
    {Role::loader, 4000, kWorldSizes,  200, 900,  1,  10,  600,  50,  10,   0,   40, 256,  32768,   8, 65536, 1048576},
    {Role::audio,   100, kSoundSizes,  300, 400,  1,  10,    0,  50,   0,   0,    4, 256,   2048,   8, 8192, 65536},
};
constexpr Traffic kSaveLoad[] = {
    {Role::main,   6000, kWorldSizes,  350, 800,  1,   8,    0, 350, 200, 100,   60, 256,  16384,  20, 65536, 2097152},
    {Role::io,     1500, kWorldSizes,  250, 800,  1,  10,  700,   0,   0,   0,   10, 256,  32768,  40, 65536, 1048576},
    {Role::io,     1500, kWorldSizes,  250, 800,  1,  10,  700,   0,   0,   0,   10, 256,  32768,  40, 65536, 1048576},
    {Role::loader, 3000, kWorldSizes,  200, 900,  1,  10,  700,  50,  10,   0,   40, 256,  32768,  20, 65536, 1048576},
    {Role::loader, 3000, kWorldSizes,  200, 900,  1,  10,  700,  50,  10,   0,   40, 256,  32768,  20, 65536, 1048576},
};
constexpr Traffic kTransition[] = {
    {Role::main,   4000, kWorldSizes,  300, 850,  1,   8,    0, 150,  60,  60,   60, 256,  16384,  10, 65536, 1048576},
    {Role::io,     1500, kWorldSizes,  250, 800,  1,   8,  700,   0,   0,   0,   10, 256,  32768,  40, 65536, 1048576},
    {Role::io,     1500, kWorldSizes,  250, 800,  1,   8,  700,   0,   0,   0,   10, 256,  32768,  40, 65536, 1048576},
    {Role::loader, 3000, kWorldSizes,  200, 900,  1,   8,  700,  50,  10,   0,   40, 256,  32768,  20, 65536, 1048576},
    {Role::loader, 3000, kWorldSizes,  200, 900,  1,   8,  700,  50,  10,   0,   40, 256,  32768,  20, 65536, 1048576},
    {Role::audio,   100, kSoundSizes,  400,   0,  1,   8,    0,  50,   0,   0,    4, 256,   2048,   8, 8192, 65536},
};

//   name               title                kind        steps resident sizes        cell threads   cycle burst cells  n pins
constexpr Scenario kScenarios[] = {
    {"combat",          "Combat",            Kind::frames, 300, 120000, kWorldSizes,    0, kCombat,      60, 20,   0, 1, 0},
    {"strip",           "The Strip",         Kind::frames, 300, 220000, kWorldSizes,    0, kStrip,       60,  0,   0, 1, 0},
    {"scripted",        "Scripted sequence", Kind::frames, 300, 120000, kWorldSizes,    0, kScripted,    60,  0,   0, 1, 30},
    {"streaming",       "Asset streaming",   Kind::frames, 300, 120000, kWorldSizes,    0, kStreaming,   60,  0,  30, 3, 0},
    {"modded",          "Mod-heavy",         Kind::frames, 300, 700000, kModSizes,      0, kModded,      60, 60,   0, 1, 0},
    {"initial-load",    "Initial load",      Kind::load,    40,      0, kWorldSizes,    0, kInitialLoad,  0,  0,   0, 1, 20},
    {"save-load",       "Save load",         Kind::load,    30, 220000, kWorldSizes,  700, kSaveLoad,     0,  0,  30, 1, 0},
    {"area-transition", "Area transition",   Kind::load,    40, 150000, kWorldSizes,  500, kTransition,   0,  0,  10, 1, 0},
};
// clang-format on

}  // namespace

std::uint32_t pick_size(Random& random, SizeMix sizes) {
    std::uint32_t total = 0;
    for (const SizeRange& range : sizes) {
        total += range.weight;
    }
    std::uint32_t point = random.below(total);
    for (const SizeRange& range : sizes) {
        if (point < range.weight) {
            return random.between(range.low, range.high);
        }
        point -= range.weight;
    }
    return sizes.back().high;
}

std::span<const Scenario> scenarios() {
    return kScenarios;
}

const Scenario* find_scenario(std::string_view name) {
    for (const Scenario& scenario : kScenarios) {
        if (scenario.name == name) {
            return &scenario;
        }
    }
    return nullptr;
}

}  // namespace mp::app
