#include "app/team.h"

#include "meter/kernel_meter.h"

#include <bit>

namespace mp::app {
namespace {

std::size_t index_of(Crew crew) {
    return static_cast<std::size_t>(crew);
}

/// Names the calling thread, for debuggers and for plugins that look; nothing where the system has no such call.
void name_thread(Role role) {
    constexpr const wchar_t* kNames[] = {L"Main", L"AI", L"IO", L"Audio", L"Loader"};
    using Describe = HRESULT(WINAPI*)(HANDLE, PCWSTR);
    const auto describe =
        std::bit_cast<Describe>(GetProcAddress(GetModuleHandleA("kernelbase.dll"), "SetThreadDescription"));
    if (describe != nullptr) {
        describe(GetCurrentThread(), kNames[static_cast<std::size_t>(role)]);
    }
}

}  // namespace

Team::~Team() {
    start(Phase::quit, 0);
    for (const auto& member : members_) {
        WaitForSingleObject(member->thread, INFINITE);
        CloseHandle(member->thread);
    }
}

bool Team::add(Actor& actor) {
    const Crew crew = actor.role() == Role::ai ? Crew::ai : Crew::background;
    auto member = std::make_unique<Member>(Member{this, &actor, nullptr, crew, generation_});
    AcquireSRWLockExclusive(&lock_);
    ++busy_[index_of(crew)];
    ReleaseSRWLockExclusive(&lock_);
    member->thread = CreateThread(nullptr, 0, &thread_main, member.get(), 0, nullptr);
    if (member->thread == nullptr) {
        --busy_[index_of(crew)];
        return false;
    }
    members_.push_back(std::move(member));
    join(crew);
    return true;
}

DWORD WINAPI Team::thread_main(void* member) {
    auto& self = *static_cast<Member*>(member);
    name_thread(self.actor->role());
    self.team->serve(self);
    return 0;
}

void Team::perform(Actor& actor, Phase phase, std::uint32_t step) {
    if (phase == Phase::run) {
        actor.run();
        return;
    }
    const meter::Pause pause;
    if (phase == Phase::open) {
        actor.open_scrap_heaps();
    } else if (phase == Phase::prepare) {
        actor.prepare(step);
    } else if (phase == Phase::finish) {
        actor.finish(step);
    }
}

void Team::serve(Member& member) {
    Phase phase = Phase::open;
    std::uint32_t step = 0;
    while (phase != Phase::quit) {
        perform(*member.actor, phase, step);
        AcquireSRWLockExclusive(&lock_);
        if (--busy_[index_of(member.crew)] == 0) {
            WakeAllConditionVariable(&done_);
        }
        while (member.generation == generation_) {
            SleepConditionVariableSRW(&begin_, &lock_, INFINITE, 0);
        }
        member.generation = generation_;
        phase = phase_;
        step = step_;
        ReleaseSRWLockExclusive(&lock_);
    }
}

void Team::start(Phase phase, std::uint32_t step) {
    AcquireSRWLockExclusive(&lock_);
    phase_ = phase;
    step_ = step;
    ++generation_;
    for (const auto& member : members_) {
        ++busy_[index_of(member->crew)];
    }
    ReleaseSRWLockExclusive(&lock_);
    WakeAllConditionVariable(&begin_);
}

void Team::join(Crew crew) {
    AcquireSRWLockExclusive(&lock_);
    while (busy_[index_of(crew)] != 0) {
        SleepConditionVariableSRW(&done_, &lock_, INFINITE, 0);
    }
    ReleaseSRWLockExclusive(&lock_);
}

void Team::join_all() {
    join(Crew::ai);
    join(Crew::background);
}

}  // namespace mp::app
