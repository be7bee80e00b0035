// Functions of every kind, to be found again in the executable: what each pops from the stack follows from its
// declaration.
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "conventions.h"

namespace {
volatile int g_sink = 0;
}

struct Pair {
    int first, second;
};
struct Big {
    int values[5];
};

extern "C" {

// --- cdecl ---
AS_CDECL int sample_cdecl_0() {
    return g_sink;
}
AS_CDECL int sample_cdecl_2(int a, int b) {
    return a * b + g_sink;
}
AS_CDECL double sample_cdecl_float(float a, double b, long double c) {
    return a * b - static_cast<double>(c);
}
AS_CDECL long long sample_cdecl_64(long long a, unsigned long long b) {
    return a / static_cast<long long>(b | 1) + static_cast<long long>(b % 7);
}
AS_CDECL Pair sample_cdecl_pair(int a) {
    return {a, a + 1};
}
AS_CDECL Big sample_cdecl_big(int a) {
    return {{a, a + 1, a + 2, a + 3, a + 4}};
}
AS_CDECL int sample_cdecl_by_value(Big big) {
    return big.values[0] + big.values[4];
}

AS_CDECL int sample_variadic(int count, ...) {
    std::va_list arguments;
    va_start(arguments, count);
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        sum += va_arg(arguments, int);
    }
    va_end(arguments);
    return sum;
}

// --- stdcall ---
AS_STDCALL int sample_stdcall_0() {
    return g_sink + 1;
}
AS_STDCALL int sample_stdcall_4(int a) {
    return a + g_sink;
}
AS_STDCALL int sample_stdcall_12(int a, int b, int c) {
    return a - b * c;
}
AS_STDCALL double sample_stdcall_16(double a, double b) {
    return a / (b + 1);
}
AS_STDCALL int sample_stdcall_early(int a, const char* text) {
    if (a < 0) {
        return -1;
    }
    if (text == nullptr) {
        g_sink = a;
        return 0;
    }
    for (int i = 0; text[i] != '\0'; ++i) {
        if (text[i] == 'x') {
            return i;
        }
        g_sink = g_sink + text[i];
    }
    return a > 100 ? 100 : a;
}
AS_STDCALL int sample_stdcall_switch(int kind, int a) {
    switch (kind) {
    case 0:
        return a;
    case 1:
        return a * 3;
    case 2:
        g_sink = a;
        return 1;
    case 3:
        return a / 7;
    case 4:
        return ~a;
    case 5:
        return a ^ 0x55;
    case 6:
        return sample_stdcall_4(a) + 1;
    case 7:
        return a << 3;
    case 9:
        std::puts("nine");
        return 9;
    default:
        return -kind;
    }
}
AS_STDCALL int sample_stdcall_tail(int a, int b) {
    return sample_stdcall_early(a + b, "tail");
}
AS_STDCALL int sample_stdcall_tail_cdecl(int a, int b) {
    return sample_cdecl_2(b, a);
}
AS_STDCALL int sample_stdcall_frame(int a) {
    char large[20000];
    std::memset(large, a, sizeof large);
    g_sink = large[a & 0x3FFF];
    return large[g_sink & 0xFF];
}
AS_STDCALL int sample_stdcall_recursive(int n, int a) {
    return n < 2 ? a : sample_stdcall_recursive(n - 1, a) + sample_stdcall_recursive(n - 2, a + 1);
}
[[noreturn]] AS_STDCALL void sample_stdcall_end(int a, int b) {
    std::printf("%d %d\n", a, b);
    std::exit(a);
}
AS_STDCALL int sample_stdcall_noreturn_at_the_end(int a) {
    if (a != 0) {
        return a;
    }
    sample_stdcall_end(1, 2);
}

// --- fastcall ---
AS_FASTCALL int sample_fastcall_0(int a, int b) {
    return a - b;
}
AS_FASTCALL int sample_fastcall_4(int a, int b, int c) {
    return a - b + c * g_sink;
}
AS_FASTCALL int sample_fastcall_12(int a, int b, int c, int d, int e) {
    int sum = 0;
    for (int i = a; i < b; ++i) {
        sum += c * i + (i % 3 == 0 ? d : e);
    }
    return sum;
}

}  // extern "C"

// --- thiscall, virtual calls, exceptions ---
class Shape {
public:
    explicit Shape(int size) : size_(size) {}
    virtual ~Shape() = default;
    KEPT virtual int area(int scale) const { return size_ * scale; }
    KEPT virtual double weigh(double density, int more) { return size_ * density + more; }
    KEPT int plain() const { return size_ + 1; }
    KEPT int two(int a, int b) {
        size_ += a;
        return size_ * b;
    }
    KEPT Big big(int a) const { return {{size_, a, size_ + a, 1, 2}}; }
    KEPT Pair pair(int a, int b) const { return {size_ + a, b}; }
    KEPT int variadic(int count, ...) const;
    KEPT static int of_class(int a, int b) { return a * b; }
    KEPT std::string name(int a) const { return "shape " + std::to_string(a + size_); }
    KEPT int takes(std::string text, int a) const { return static_cast<int>(text.size()) + a; }

protected:
    int size_;
};

int Shape::variadic(int count, ...) const {
    std::va_list arguments;
    va_start(arguments, count);
    const int first = va_arg(arguments, int);
    va_end(arguments);
    return first + size_;
}

class Square : public Shape {
public:
    KEPT Square(int size, const char* label) : Shape(size), label_(label) {}
    KEPT int area(int scale) const override { return size_ * size_ * scale; }
    KEPT double weigh(double density, int more) override {
        if (more < 0) {
            throw std::invalid_argument(label_);
        }
        return Shape::weigh(density, more) * 2;
    }

private:
    std::string label_;
};

template <typename T>
KEPT T largest(const std::vector<T>& values, T least) {
    for (const T& value : values) {
        least = value > least ? value : least;
    }
    return least;
}

KEPT int catches(Shape& shape, int a) {
    try {
        return static_cast<int>(shape.weigh(1.5, a));
    } catch (const std::invalid_argument& error) {
        return static_cast<int>(std::strlen(error.what()));
    }
}

int main(int argc, char** argv) {
    Square square(argc, argv[0]);
    Shape* shape = argc > 3 ? new Shape(3) : static_cast<Shape*>(&square);
    const Big big = sample_cdecl_big(argc);
    double sum = sample_cdecl_0() + sample_cdecl_2(argc, 2) + sample_cdecl_float(1, 2, 3) + sample_cdecl_by_value(big);
    sum += static_cast<double>(sample_cdecl_64(argc, 5)) + sample_cdecl_pair(argc).second + sample_variadic(2, 1, argc);
    sum += sample_stdcall_0() + sample_stdcall_4(argc) + sample_stdcall_12(1, 2, argc) + sample_stdcall_16(1, argc);
    sum += sample_stdcall_early(argc, argv[0]) + sample_stdcall_switch(argc, 7) + sample_stdcall_tail(argc, 1);
    sum += sample_stdcall_tail_cdecl(argc, 4) + sample_stdcall_frame(argc) + sample_stdcall_recursive(5, argc);
    sum += sample_stdcall_noreturn_at_the_end(argc) + sample_fastcall_0(argc, 1) + sample_fastcall_4(1, 2, argc);
    sum += sample_fastcall_12(1, argc, 2, 3, 4) + shape->area(2) + shape->plain() + shape->two(1, argc);
    sum += shape->big(argc).values[1] + shape->pair(1, 2).first + shape->variadic(1, argc) + Shape::of_class(argc, 2);
    sum += static_cast<double>(shape->name(argc).size()) + shape->takes("text", argc) + catches(*shape, argc - 2);
    sum += largest(std::vector<int>{1, argc}, 0) + largest(std::vector<double>{1.5, sum}, 0.5);
    // Brings the streams and locales of the runtime along.
    std::ifstream file(argv[0]);
    std::string line;
    std::getline(file, line);
    std::cout << sum + static_cast<double>(line.size()) << std::endl;
    return 0;
}
