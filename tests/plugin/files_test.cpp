// The files that the plugin writes: the last run's are kept, and what cannot be written is said and costs no other
// file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <windows.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "os/executable.h"
#include "os/file.h"
#include "os/os.h"
#include "plugin/activation.h"
#include "plugin/announce.h"
#include "plugin/commands.h"
#include "plugin/console.h"
#include "plugin/log.h"
#include "plugin/page_file.h"
#include "plugin/recorder.h"
#include "plugin/rivals.h"
#include "startup/console.h"

namespace mp::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::StrEq;

constexpr std::uint32_t kExtender = 0x06040080;

fs::path game_folder() {
    wchar_t path[os::kMaxPath];
    GetModuleFileNameW(nullptr, path, os::kMaxPath);
    return fs::path(path).parent_path();
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

std::string utf8(const fs::path& path) {
    const std::u8string text = path.u8string();
    return {text.begin(), text.end()};
}

/// A file in Documents, which are this program's own (MP_DOCUMENTS).
fs::path in_documents(const char* name) {
    char folder[os::kMaxPath];
    EXPECT_TRUE(os::game_documents_folder(folder, sizeof folder));
    return fs::path(folder) / name;
}

/// Keeps a file open, as another program does that lets nobody rename or write it.
class Held {
public:
    explicit Held(const fs::path& path)
        : file_(CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr)) {
        EXPECT_NE(file_, INVALID_HANDLE_VALUE);
    }
    ~Held() { CloseHandle(file_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    HANDLE file_;
};

/// The system refuses the next call of a kind, as on a full disk.
class Refused {
public:
    explicit Refused(os::Call kind) : kind_(kind) { os::set_fault_hook(&decide, this); }
    ~Refused() { os::set_fault_hook(nullptr, nullptr); }
    Refused(const Refused&) = delete;
    Refused& operator=(const Refused&) = delete;
    void wait() const {
        while (!happened_) {
            Sleep(5);
        }
    }

private:
    static bool decide(os::Call call, void* self) {
        auto& refused = *static_cast<Refused*>(self);
        return call == refused.kind_ && !refused.happened_.exchange(true);
    }
    os::Call kind_;
    std::atomic<bool> happened_{false};
};

constexpr const char* kUnfinished = "ms,event,largest hole KB,failed allocations\n"
                                    "0,start: 2026-11-28 20:00:00 UTC\n"
                                    "1000,,204800,0\n"
                                    "5398000,,-184320,1234\n";
constexpr const char* kFinished = "ms,event,largest hole KB\n1000,,204800\n1500,end: in order\n";

/// What a test leaves in the game's folder, and what others left there, goes.
class Files : public ::testing::Test {
protected:
    void SetUp() override {
        if (std::getenv("MP_DOCUMENTS") == nullptr) {
            GTEST_SKIP() << "no Documents of its own: those of this user stay as they are";
        }
        clean();
    }
    void TearDown() override {
        plugin::recorder::stop();
        clean();
    }

    static fs::path file(const char* name) { return game_folder() / name; }
    /// Starts the plugin and reaches the main loop.
    static void start() {
        plugin::activate(plugin::Moment::load);
        plugin::recorder::start(kExtender);
        standin::clear_console();
        plugin::recorder::on_main_loop();
        plugin::announce();
    }
    static std::string told() {
        std::string text;
        for (const std::string& line : standin::console_lines()) {
            text += line.starts_with("  ") ? line.substr(1) : (text.empty() ? "" : "\n") + line;
        }
        return text;
    }
    static std::string log_text() { return text_of(fs::path(reinterpret_cast<const char8_t*>(plugin::log::path()))); }
    /// Waits until the log has a word of the recorder's thread.
    static void wait_for_log(const char* words) {
        while (log_text().find(words) == std::string::npos) {
            Sleep(10);
        }
    }

private:
    static void clean() {
        std::error_code in_use;
        for (const char* ending : {"log", "csv", "html", "ini"}) {
            for (const char* name : {"MemoryPoolNVSE.", "MemoryPoolNVSE.used.", "MemoryPoolNVSE.previous."}) {
                fs::remove_all(file(name) += ending, in_use);
            }
        }
        fs::remove_all(file("Data"), in_use);
    }
};

// --- the run before ------------------------------------------------------------------------------------------------

TEST_F(Files, OfTheLastRunAreKeptBeforeTheirsAreBegunAnew) {
    const std::pair<const char*, const char*> kKept[] = {
        {"MemoryPoolNVSE.log", "MemoryPoolNVSE.previous.log"},
        {"MemoryPoolNVSE.csv", "MemoryPoolNVSE.previous.csv"},
        {"MemoryPoolNVSE.html", "MemoryPoolNVSE.previous.html"},
        {"MemoryPoolNVSE.used.ini", "MemoryPoolNVSE.previous.ini"},
    };
    for (const auto& [now, previous] : kKept) {
        put(file(now), kFinished + std::string(now));
        put(file(previous), "of two runs ago");
    }
    start();
    for (const auto& [now, previous] : kKept) {
        EXPECT_EQ(text_of(file(previous)), kFinished + std::string(now)) << previous;
        EXPECT_THAT(text_of(file(now)), Not(HasSubstr(kFinished)));
    }
    EXPECT_THAT(text_of(file("MemoryPoolNVSE.used.ini")),
                AllOf(StartsWith("[Main]\r\nsMode = full\r\n"), HasSubstr("\r\n[Memory]\r\niQuarantineKB = 1024\r\n")));
    plugin::recorder::stop();
    EXPECT_THAT(text_of(file("MemoryPoolNVSE.csv")), HasSubstr("end: in order"));
}

class WorthlessFiles : public Files, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Sessions, WorthlessFiles,
                         ::testing::Values("", "ms,event,larg",
                                           "ms,event,largest hole KB\n0,start: 2026-11-28 20:00:00 UTC\n"));

TEST_P(WorthlessFiles, OfARunThatRecordedNothingDoNotReplaceAnOlderSession) {
    put(file("MemoryPoolNVSE.csv"), GetParam());
    put(file("MemoryPoolNVSE.previous.csv"), kUnfinished);
    start();
    EXPECT_TRUE(plugin::recorder::is_recording());
    EXPECT_EQ(text_of(file("MemoryPoolNVSE.previous.csv")), kUnfinished);
}

TEST_F(Files, OfASessionWithoutAnEndAreShownAndTheConsoleSaysWhatWasLastSeen) {
    put(file("MemoryPoolNVSE.csv"), kUnfinished);
    start();
    wait_for_log("without an orderly end");
    EXPECT_THAT(text_of(file("MemoryPoolNVSE.previous.html")), HasSubstr("</html>"));
    plugin::console::tell_waiting();
    EXPECT_THAT(told(),
                HasSubstr("MemoryPoolNVSE: the last session ended without an orderly end after 1:29:58; largest "
                          "hole 20 MB, 1,234 requests refused; MemoryPoolNVSE.previous.html shows it"));
    plugin::recorder::stop();
    EXPECT_THAT(text_of(file("MemoryPoolNVSE.csv")), HasSubstr("last session: MemoryPoolNVSE: the last session ended"));
}

TEST_F(Files, OfASessionThatEndedNothingIsSaid) {
    put(file("MemoryPoolNVSE.csv"), kFinished);
    start();
    plugin::recorder::request_page();
    while (!fs::exists(file("MemoryPoolNVSE.html"))) {
        Sleep(10);
    }
    plugin::recorder::stop();  // waits for the end of the thread's round, in which it looks
    plugin::console::tell_waiting();
    EXPECT_THAT(log_text(), Not(HasSubstr("orderly end")));
    EXPECT_FALSE(fs::exists(file("MemoryPoolNVSE.previous.html")));
}

// --- what cannot be written ----------------------------------------------------------------------------------------

TEST_F(Files, ThatAnotherProgramHoldsLoseNothingAndTheNewOnesLieInDocuments) {
    put(file("MemoryPoolNVSE.csv"), kUnfinished);
    const Held session(file("MemoryPoolNVSE.csv"));
    start();
    EXPECT_EQ(fs::path(plugin::log::path()), file("MemoryPoolNVSE.log"));
    EXPECT_EQ(fs::path(plugin::recorder::session_path()), in_documents("MemoryPoolNVSE.csv"));
    EXPECT_EQ(fs::path(plugin::recorder::page_path()), in_documents("MemoryPoolNVSE.html"));
    EXPECT_THAT(told(), HasSubstr("MemoryPoolNVSE: MemoryPoolNVSE.csv cannot be written in the game's folder (another "
                                  "program holds it); it is in Documents\\My Games\\FalloutNV"));
    plugin::recorder::stop();
    EXPECT_THAT(text_of(in_documents("MemoryPoolNVSE.csv")), HasSubstr("end: in order"));
    EXPECT_THAT(text_of(in_documents("MemoryPoolNVSE.html")), HasSubstr("</html>"));
    EXPECT_EQ(text_of(file("MemoryPoolNVSE.csv")), kUnfinished);
}

TEST_F(Files, OfTheLastRunThatCannotBeKeptAreNotOverwritten) {
    put(file("MemoryPoolNVSE.csv"), kUnfinished);
    put(file("MemoryPoolNVSE.previous.csv"), kFinished);
    const Held previous(file("MemoryPoolNVSE.previous.csv"));
    start();
    EXPECT_EQ(fs::path(plugin::recorder::session_path()), in_documents("MemoryPoolNVSE.csv"));
    EXPECT_EQ(text_of(file("MemoryPoolNVSE.csv")), kUnfinished);
    EXPECT_EQ(text_of(file("MemoryPoolNVSE.previous.csv")), kFinished);
}

TEST_F(Files, GoToDocumentsWithTheLogWhenThatCannotBeWritten) {
    put(file("MemoryPoolNVSE.log"), "of another run");
    const Held log(file("MemoryPoolNVSE.log"));
    start();
    EXPECT_EQ(fs::path(plugin::log::path()), in_documents("MemoryPoolNVSE.log"));
    EXPECT_EQ(fs::path(plugin::recorder::session_path()), in_documents("MemoryPoolNVSE.csv"));
    EXPECT_FALSE(fs::exists(file("MemoryPoolNVSE.csv")));
    EXPECT_THAT(told(), HasSubstr("MemoryPoolNVSE.log cannot be written in the game's folder"));
    plugin::recorder::stop();
}

TEST_F(Files, GoToTheGamesFolderWhenAFileStandsInThePlaceOfTheLogsFolder) {
    put(file("Data/NVSE/nvse_config.ini"), "[Logging]\nsPluginLogPath = Data\\file\n");
    put(file("Data/file"), "");
    start();
    EXPECT_EQ(fs::path(plugin::log::path()), file("MemoryPoolNVSE.log"));
    EXPECT_THAT(told(), HasSubstr("MemoryPoolNVSE.log cannot be written in the folder of sPluginLogPath ("));
}

TEST_F(Files, ThatNoFolderTakesAreSaidToBeMissing) {
    put(file("MemoryPoolNVSE.csv"), kUnfinished);
    const Held session(file("MemoryPoolNVSE.csv"));
    os::set_fault_hook([](os::Call call, void*) { return call == os::Call::create_file; }, nullptr);
    start();
    os::set_fault_hook(nullptr, nullptr);
    EXPECT_STREQ(plugin::log::path(), "");
    EXPECT_FALSE(plugin::recorder::is_recording());
    EXPECT_THAT(told(), AllOf(HasSubstr("MemoryPoolNVSE.log cannot be written in the game's folder (the disk is full)"),
                              HasSubstr("MemoryPoolNVSE.csv cannot be written in the game's folder (")));
    EXPECT_EQ(text_of(file("MemoryPoolNVSE.csv")), kUnfinished);
}

TEST_F(Files, ThatTheDiskHasNoRoomForEndTheRecordingAndLogAndConsoleSayWhy) {
    start();
    while (text_of(file("MemoryPoolNVSE.csv")).find("main loop: reached") == std::string::npos) {
        Sleep(10);
    }
    const Refused full(os::Call::write_file);
    full.wait();
    while (plugin::recorder::is_recording()) {
        Sleep(5);
    }
    const char* const kWords = "recording stopped after 0:00:0";
    const char* const kWhy = ": MemoryPoolNVSE.csv cannot be written (the disk is full)";
    EXPECT_THAT(log_text(), AllOf(HasSubstr(kWords), HasSubstr(kWhy))) << "at once, whatever the console does";
    plugin::console::tell_waiting();
    EXPECT_THAT(told(), AllOf(HasSubstr(kWords), HasSubstr(kWhy)));
    EXPECT_THAT(plugin::recorder::fault(), HasSubstr(kWhy));
    plugin::recorder::stop();
    EXPECT_THAT(log_text(), Not(HasSubstr("report: ")));
}

TEST_F(Files, OfAPageThatCannotBeWrittenLeaveTheLastGoodOne) {
    put(file("MemoryPoolNVSE.csv"), kFinished);
    put(file("MemoryPoolNVSE.html"), "good");
    const std::string session = utf8(file("MemoryPoolNVSE.csv"));
    const std::string page = utf8(file("MemoryPoolNVSE.html"));
    for (const os::Call kind : {os::Call::create_file, os::Call::write_file}) {
        const Refused full(kind);
        const plugin::PageWritten written = plugin::write_page(session.c_str(), page.c_str());
        EXPECT_FALSE(written.done);
        EXPECT_STREQ(written.why.text, "the disk is full");
    }
    {
        const Held held(file("MemoryPoolNVSE.html"));
        EXPECT_THAT(plugin::write_page(session.c_str(), page.c_str()).why.text,
                    AnyOf(StrEq("access denied"), StrEq("another program holds it")));
    }
    EXPECT_EQ(text_of(file("MemoryPoolNVSE.html")), "good");
    EXPECT_FALSE(fs::exists(file("MemoryPoolNVSE.html.part")));
    EXPECT_TRUE(plugin::write_page(session.c_str(), page.c_str()).done);
    EXPECT_THAT(text_of(file("MemoryPoolNVSE.html")), HasSubstr("</html>"));
}

// --- names and words -----------------------------------------------------------------------------------------------

TEST_F(Files, LieInAFolderWhoseLettersNoCodePageHas) {
    std::string config = "\xFF\xFE";
    for (const char16_t unit : std::u16string_view(u"[Logging]\r\nsPluginLogPath = \"Data\\Журнал 游戏 é\"\r\n")) {
        config += {static_cast<char>(unit & 0xFF), static_cast<char>(unit >> 8)};
    }
    put(file("Data/NVSE/nvse_config.ini"), config);
    const fs::path folder = game_folder() / u"Data" / u"Журнал 游戏 é";
    put(folder / "MemoryPoolNVSE.csv", kUnfinished);
    start();
    EXPECT_EQ(plugin::log::path(), utf8(folder / "MemoryPoolNVSE.log"));
    wait_for_log("without an orderly end");
    plugin::recorder::stop();
    for (const char* name : {"MemoryPoolNVSE.log", "MemoryPoolNVSE.used.ini", "MemoryPoolNVSE.csv",
                             "MemoryPoolNVSE.html", "MemoryPoolNVSE.previous.csv", "MemoryPoolNVSE.previous.html"}) {
        EXPECT_TRUE(fs::exists(folder / name)) << name;
    }
    EXPECT_THAT(log_text(), HasSubstr("recording the session: " + utf8(folder / "MemoryPoolNVSE.csv")));
    EXPECT_EQ(text_of(folder / "MemoryPoolNVSE.previous.csv"), kUnfinished);
}

TEST_F(Files, TheLogHasTheStartAndTheSystemInItsFirstLineAndTheTimeInEveryOther) {
    start();
    std::ifstream log(plugin::log::path());
    std::string line;
    ASSERT_TRUE(std::getline(log, line));
    const std::regex first("MemoryPoolNVSE \\S+, started \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d, "
                           "(Wine \\S+ as )?Windows \\d+\\.\\d+\\.\\d+\r?");
    EXPECT_TRUE(std::regex_match(line, first)) << line;
    std::string last;
    while (std::getline(log, line)) {
        EXPECT_TRUE(std::regex_match(line, std::regex("\\d:\\d\\d:\\d\\d\\.\\d{3} .*\r?"))) << line;
        EXPECT_LE(last, line.substr(0, 11));
        last = line.substr(0, 11);
    }
    EXPECT_FALSE(last.empty());
}

TEST_F(Files, ConsoleTextsOfEveryLengthFitItsLinesAndLoseNoWord) {
    for (std::size_t length = 1; length <= 480; ++length) {
        for (const std::size_t word : {1U, 7U, 30U, 79U, 80U, 500U}) {
            std::string text(length, 'x');
            for (std::size_t i = word; i + 1 < length; i += word + 1) {
                text[i] = ' ';
            }
            standin::clear_console();
            plugin::console::print("%s", text.c_str());
            std::string all;
            for (const std::string& line : standin::console_lines()) {
                ASSERT_LE(line.size(), plugin::console::kWidth);
                all += line;
            }
            std::erase(all, ' ');
            std::erase(text, ' ');
            ASSERT_EQ(all, text);
        }
    }
}

// --- a name that a rival and the system share ----------------------------------------------------------------------

/// A library of the tests under another name beside the program, loaded.
class Loaded {
public:
    Loaded(const char* library, const char* name) : path_(game_folder() / name) {
        fs::copy_file(game_folder() / library, path_, fs::copy_options::overwrite_existing);
        module_ = LoadLibraryW(path_.c_str());
        EXPECT_NE(module_, nullptr) << name;
    }
    ~Loaded() {
        FreeLibrary(module_);
        fs::remove(path_);
    }
    Loaded(const Loaded&) = delete;
    Loaded& operator=(const Loaded&) = delete;

private:
    fs::path path_;
    HMODULE module_ = nullptr;
};

TEST(Rival, IsTheD3dxThatPassesItsFunctionsOnAndNotTheOneThatHasThem) {
    EXPECT_EQ(plugin::loaded_rival(), nullptr);
    {
        const Loaded genuine("d3dx_itself.dll", "d3dx9_38.dll");
        EXPECT_EQ(plugin::loaded_rival(), nullptr);
    }
    const Loaded rival("d3dx_passes_on.dll", "d3dx9_38.dll");
    EXPECT_STREQ(plugin::loaded_rival(), "d3dx9_38.dll");
}

}  // namespace
}  // namespace mp::test
