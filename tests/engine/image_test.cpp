// The image itself: bytes against the site table, fixed bytes, sections, imports, version, thread-local storage.
#include "game/addresses.h"
#include "game/functions.h"
#include "map/addresses.h"
#include "map/import_slots.h"
#include "memory/engine.h"

#include <gtest/gtest.h>
#include <windows.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace mp::standin::test {
namespace {

using game::Addr;
using game::Site;

const std::uint8_t* bytes_at(Addr va) {
    return at<const std::uint8_t>(va);
}

std::vector<std::uint8_t> copy_of(Addr va, std::size_t size) {
    return {bytes_at(va), bytes_at(va) + size};
}

IMAGE_NT_HEADERS32& headers() {
    const auto* dos = at<const IMAGE_DOS_HEADER>(game::kImageBase);
    return *at<IMAGE_NT_HEADERS32>(game::kImageBase + static_cast<Addr>(dos->e_lfanew));
}

TEST(Image, FirstBytesOfEverySiteAgreeWithTheTable) {
    for (const Site& site : game::kSites) {
        EXPECT_TRUE(site.prologue.matches(bytes_at(site.va))) << std::hex << site.va;
    }
}

/// Bytes of a return instruction that removes so much from the stack.
std::vector<std::uint8_t> return_that_pops(int popped) {
    return popped == 0 ? std::vector<std::uint8_t>{0xC3}
                       : std::vector<std::uint8_t>{0xC2, static_cast<std::uint8_t>(popped), 0};
}

TEST(Image, MainReturnOfEverySiteStandsAtItsPlaceAndPopsWhatTheTableSays) {
    for (const Site& site : game::kSites) {
        if (site.main_return.va != 0) {
            const auto expected = return_that_pops(site.bytes_popped);
            EXPECT_EQ(copy_of(site.main_return.va, expected.size()), expected) << std::hex << site.va;
        }
    }
}

TEST(Image, PageDecommitEndsInFourPoppedBytesBehindItsOnlyCall) {
    EXPECT_EQ(copy_of(0x00AA666B, 6), (std::vector<std::uint8_t>{0x8B, 0xE5, 0x5D, 0xC2, 4, 0}));
}

/// In these functions of the C runtime a __finally block follows the main return.
bool ends_behind_its_return(Addr va) {
    return va == fn::kCrtRealloc.va || va == fn::kCrtMsize.va;
}

TEST(Image, EveryOtherFunctionOfAKnownSizeEndsWithItsMainReturn) {
    for (const Site& site : game::kSites) {
        if (site.size != 0 && site.main_return.va != 0 && !ends_behind_its_return(site.va)) {
            EXPECT_EQ(site.main_return.va + return_that_pops(site.bytes_popped).size(), site.va + site.size)
                << std::hex << site.va;
        }
    }
}

TEST(Image, SmallFunctionsAreMachineCodeWithoutAGap) {
    constexpr std::uint8_t kFiller = 0xCC;
    for (const Addr va : {fn::kGrowBuffer.va, fn::kShrinkBuffer.va, fn::kCreateBuffer.va, fn::kFreeBuffer.va,
                          fn::kReserveArena.va, fn::kCommitPage.va, fn::kZeroPoolTables.va, fn::kReserveBacking.va,
                          fn::kReleaseBacking.va, fn::kCommitTail.va, fn::kDecommitTail.va, fn::kHeapAllocateAligned.va,
                          fn::kHeapFree.va, fn::kHeapBlockSize.va, fn::kDecommitInterior.va}) {
        const Site* const site = game::find_site(va);
        const std::vector<std::uint8_t> code = copy_of(va, site->size);
        EXPECT_EQ(std::ranges::count(code, kFiller), 0) << std::hex << va;
    }
}

TEST(Image, VtableSlotsThatArePatchedPointWhereTheTableSays) {
    for (const game::PointerSite& slot : game::kPointerSites) {
        EXPECT_EQ(*at<const Addr>(slot.va), slot.expected) << slot.name;
    }
    EXPECT_EQ(*at<const Addr>(game::data::kMediaAllocatorAllocSlot), fn::kMediaAllocate.va);
    EXPECT_EQ(*at<const Addr>(game::data::kStaticInitTable + 0x20), 0x00FB66A0U);
}

TEST(Image, BytesThatOtherPluginsReadOrPatchStandAtTheirPlaces) {
    using Bytes = std::vector<std::uint8_t>;
    EXPECT_EQ(*at<const std::uint32_t>(game::data::kScrapReserveImmediate), game::kScrapReserve);
    EXPECT_EQ(*at<const std::uint32_t>(game::data::kDefaultHeapReserve), 0x0C800000U);
    EXPECT_EQ(*at<const std::uint32_t>(game::data::kFileHeapReserve), 0x04000000U);
    EXPECT_EQ(copy_of(0x00AA38CA, 30),
              (Bytes{0x8B, 0x45, 0xA4, 0x05, 0x14, 0x01, 0x00, 0x00, 0x89, 0x45, 0xA8, 0x6A, 0x25, 0x8B, 0x4D,
                     0xA8, 0xE8, 0x01, 0x0F, 0x00, 0x00, 0x8B, 0x4D, 0xA8, 0xC7, 0x01, 0xF8, 0x25, 0x0A, 0x01}));
    EXPECT_EQ(copy_of(0x00AA3060, 5), (Bytes{0xE8, 0xBB, 0xEF, 0xFF, 0xFF}));
    EXPECT_EQ(copy_of(0x0086C56F, 5), (Bytes{0xE8, 0xCC, 0x61, 0x23, 0x00}));
    EXPECT_EQ(copy_of(0x00C42EB1, 5), (Bytes{0xE8, 0x8A, 0xF8, 0xE5, 0xFF}));
    EXPECT_EQ(copy_of(0x00EC1701, 5), (Bytes{0xE8, 0x3A, 0x10, 0xBE, 0xFF}));
    EXPECT_EQ(copy_of(0x0086EED4, 2), (Bytes{0x75, 0x13}));
    EXPECT_EQ(copy_of(fn::kConsolePrint.va, 3), (Bytes{0x55, 0x8B, 0xEC}));
    EXPECT_EQ(*bytes_at(game::code::kHeapInitCall), 0xE8);
    EXPECT_EQ(*bytes_at(game::code::kHeapInitCall + 8), 0x75);
    EXPECT_EQ(*bytes_at(fn::kCreateScrapManager.va), 0x55);
    EXPECT_EQ(*bytes_at(kNotTheEditor), 0x55);
}

Addr call_target(Addr call) {
    return call + 5 + *at<const Addr>(call + 1);
}

TEST(Image, CallsThatOthersRedirectLeadWhereTheyShould) {
    EXPECT_EQ(*bytes_at(game::code::kWinMainCall), 0xE8);
    EXPECT_EQ(call_target(game::code::kWinMainCall), fn::kWinMain.va);
    EXPECT_EQ(call_target(game::code::kHeapInitCall), game::code::kHeapInit);
    EXPECT_EQ(*bytes_at(game::code::kFreeBufferCallUnlocked), 0xE8);
    EXPECT_EQ(call_target(game::code::kFreeBufferCallUnlocked), fn::kFreeBuffer.va);
}

TEST(Image, FixedBaseWithoutRelocationsAndDataNotExecutable) {
    const IMAGE_NT_HEADERS32& nt = headers();
    EXPECT_EQ(nt.OptionalHeader.ImageBase, game::kImageBase);
    EXPECT_EQ(game::kImageBase + nt.OptionalHeader.AddressOfEntryPoint, game::code::kEntryPoint);
    EXPECT_NE(nt.FileHeader.Characteristics & IMAGE_FILE_RELOCS_STRIPPED, 0);
    EXPECT_EQ(nt.OptionalHeader.DllCharacteristics & IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, 0);
    EXPECT_NE(nt.OptionalHeader.DllCharacteristics & IMAGE_DLLCHARACTERISTICS_NX_COMPAT, 0);
    EXPECT_EQ(nt.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_BASERELOC].Size, 0U);
}

TEST(Image, LargeAddressesAsBuilt) {
#if defined(MP_STANDIN_NO_LARGE_ADDRESSES)
    EXPECT_EQ(headers().FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE, 0);
#else
    EXPECT_NE(headers().FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE, 0);
#endif
}

TEST(Image, SectionsFollowEachOtherWithoutGapsAndNoneIsWritableAndExecutable) {
    IMAGE_NT_HEADERS32& nt = headers();
    const IMAGE_SECTION_HEADER* section = IMAGE_FIRST_SECTION(&nt);
    const Addr alignment = nt.OptionalHeader.SectionAlignment;
    Addr next = (nt.OptionalHeader.SizeOfHeaders + alignment - 1) & ~(alignment - 1);
    for (unsigned i = 0; i < nt.FileHeader.NumberOfSections; ++i) {
        EXPECT_EQ(section[i].VirtualAddress, next) << i;
        next = (section[i].VirtualAddress + section[i].Misc.VirtualSize + alignment - 1) & ~(alignment - 1);
        EXPECT_NE(section[i].Characteristics & (IMAGE_SCN_MEM_WRITE | IMAGE_SCN_MEM_EXECUTE),
                  static_cast<DWORD>(IMAGE_SCN_MEM_WRITE | IMAGE_SCN_MEM_EXECUTE))
            << i;
    }
    EXPECT_EQ(nt.OptionalHeader.SizeOfImage, next);
}

/// The slot that a search by module and name finds first, the way xNVSE's loader searches.
Addr first_slot_of(const char* function) {
    const Addr rva = headers().OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    for (const auto* d = at<const IMAGE_IMPORT_DESCRIPTOR>(game::kImageBase + rva); d->Name != 0; ++d) {
        if (_stricmp(at<const char>(game::kImageBase + d->Name), "kernel32.dll") != 0) {
            continue;
        }
        const auto* names = at<const Addr>(game::kImageBase + d->OriginalFirstThunk);
        for (Addr i = 0; names[i] != 0; ++i) {
            if (std::strcmp(at<const char>(game::kImageBase + names[i] + 2), function) == 0) {
                return game::kImageBase + d->FirstThunk + 4 * i;
            }
        }
    }
    return 0;
}

TEST(Image, ASearchForAnImportFindsTheEnginesSlot) {
    for (const ImportSlot& slot : kImportSlots) {
        EXPECT_EQ(first_slot_of(std::string(slot.function).c_str()), slot.va) << slot.function;
    }
}

TEST(Image, ImportSlotsHoldTheSystemsFunctions) {
    const HMODULE kernel = GetModuleHandleA("kernel32.dll");
    for (const ImportSlot& slot : kImportSlots) {
        const auto address =
            reinterpret_cast<std::uintptr_t>(GetProcAddress(kernel, std::string(slot.function).c_str()));
        EXPECT_NE(address, 0U) << slot.function;
        EXPECT_EQ(*at<const Addr>(slot.va), address) << slot.function;
    }
}

TEST(Image, ClocksHaveTheGamesImportSlots) {
    EXPECT_EQ(first_slot_of("GetTickCount"), game::import_slot::kGetTickCount);
    EXPECT_EQ(first_slot_of("QueryPerformanceCounter"), game::import_slot::kQueryPerformanceCounter);
}

TEST(Image, VersionResourceIsTheGames) {
    HRSRC resource = FindResourceA(nullptr, MAKEINTRESOURCEA(1), MAKEINTRESOURCEA(16));
    ASSERT_NE(resource, nullptr);
    const auto* data = static_cast<const std::uint8_t*>(LockResource(LoadResource(nullptr, resource)));
    constexpr std::size_t kFixedInfo = 40;  // behind length, type and "VS_VERSION_INFO"
    VS_FIXEDFILEINFO info{};
    std::memcpy(&info, data + kFixedInfo, sizeof info);
    ASSERT_EQ(info.dwSignature, 0xFEEF04BDU);
    EXPECT_EQ((std::uint64_t{info.dwFileVersionMS} << 32) | info.dwFileVersionLS, game::kFileVersion);
}

TEST(Image, CookieWasMadeAtStart) {
    EXPECT_NE(*at<const std::uint32_t>(game::data::kSecurityCookie), 0xBB40E64EU);
}

TEST(GameTls, EveryThreadHasItsOwnContextInItsBlock) {
    thread_context() = game::kDefaultContext;
    std::uint32_t fresh = 1;
    std::uint32_t kept = 0;
    std::thread([&] {
        fresh = thread_context();
        fn::kSetMemoryContext(9U);
        kept = fn::kGetMemoryContext();
    }).join();
    EXPECT_EQ(fresh, 0U);
    EXPECT_EQ(kept, 9U);
    EXPECT_EQ(thread_context(), game::kDefaultContext);
    EXPECT_EQ(fn::kGetMemoryContext(), game::kDefaultContext);
    thread_context() = 0;
}

TEST(GameTls, BlockIsLargeEnough) {
    for (std::uint32_t offset = 0x10; offset < 0x300; offset += 4) {
        auto& word = *at<std::uint32_t>(addr_of(tls_block()) + offset);
        const std::uint32_t before = word;
        word = ~before;
        EXPECT_EQ(word, ~before);
        word = before;
    }
}

}  // namespace
}  // namespace mp::standin::test
