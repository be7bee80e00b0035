// The measurements beside the scenarios must be able to see what they look for.
#include "app/address_limit.h"
#include "app/doors.h"
#include "app/early_meter.h"
#include "app/scenario_run.h"
#include "app/stale_probe.h"
#include "meter/address_space.h"
#include "meter/kernel_meter.h"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace {

using namespace mp::app;

TEST(HarnessMemory, WhatContainersHoldIsNotCountedAsTheGames) {
    ASSERT_EQ(meter_failure(), nullptr);
    const mp::meter::AddressSpace before = mp::meter::memory_now();
    {
        const std::vector<char> held(20'000'000);
        EXPECT_EQ(mp::meter::memory_now(), before);
    }
    EXPECT_EQ(mp::meter::memory_now(), before);
}

TEST(ScenarioMemory, PeaksHoldTheResidentsAndTheEnginesStart) {
    const mp::meter::AddressSpace start = mp::meter::memory_now();
    EXPECT_GT(start.reserved, 100U << 20) << "pools and heaps of the engine";
    const Extender none;
    const ScenarioResult result =
        run_scenario(*find_scenario("modded"), {.seed = 1, .steps = 3, .scale_percent = 10}, none);
    EXPECT_GE(result.end_committed, result.live_bytes);
    EXPECT_GE(result.peak_committed, result.end_committed);
    EXPECT_GE(result.peak_reserved, start.reserved);
    EXPECT_GE(result.peak_reserved, result.peak_committed);
}

TEST(Doors, EachThreadGetsBlocksOfItsOwn) {
    for (const DoorResult& result : measure_doors(1)) {
        EXPECT_EQ(result.errors, 0U);
        EXPECT_GT(result.pairs, 0U);
        EXPECT_GT(result.ns_per_pair, 0.0);
    }
}

TEST(StaleProbe, SeesThatTheOriginalsPoolsLinkIntoFreedObjectsAndReuseThemAtOnce) {
    const std::vector<StaleGroup> groups = probe_stale_reads(1, 10);
    ASSERT_EQ(groups.size(), 9U);
    for (const StaleGroup& group : groups) {
        for (const std::vector<StaleCount>* counts : {&group.after_frees, &group.after_frames}) {
            for (const StaleCount& count : *counts) {
                EXPECT_EQ(count.objects, 200U) << group.title << " " << count.distance;
                EXPECT_EQ(count.whole + count.links + count.changed + count.unreadable, count.objects);
            }
        }
    }
    const StaleCount& first = groups[0].after_frees.front();
    EXPECT_EQ(first.whole, 0U) << "a free writes links into the object";
    EXPECT_GT(first.links, 100U);
    EXPECT_GT(groups[0].after_frees.back().changed, first.changed);
}

TEST(AddressLimit, LeavesNoMoreThanAsked) {
    constexpr std::uint64_t kLimit = 1024ULL << 20;
    const std::uint64_t free = limit_address_space(kLimit);
    EXPECT_LE(free, kLimit);
    EXPECT_LE(mp::meter::largest_hole(), kLimit);
}

}  // namespace
