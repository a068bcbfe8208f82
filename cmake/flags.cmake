# narthex_library_flags: what everything we compile is built with (sanitizers, hardening).
# narthex_flags: that, and the warnings for our own code. Libraries come in as SYSTEM, without them.
# narthex_quick_flags: linked last by what takes long to compile, for headers of libraries, and next to no
# time to run: with sanitizers, not optimised, and without the checks of each pointer, most of what the
# address sanitizer sees as well. The command line's and the tests' own code; it halves their time.

add_library(narthex_library_flags INTERFACE)
add_library(narthex_flags INTERFACE)
add_library(narthex_quick_flags INTERFACE)
target_link_libraries(narthex_flags INTERFACE narthex_library_flags)

target_compile_options(
    narthex_flags
    INTERFACE -Wall
              -Wextra
              -Wpedantic
              -Werror
              -Wshadow
              -Wconversion
              -Wnon-virtual-dtor
              -Woverloaded-virtual
              -Wswitch-enum
              -Wundef
              $<$<CXX_COMPILER_ID:GNU>:-Wsuggest-override>
              # g++ 12 reports "a" + std::string at -O3 as overlapping (GCC bug 105651). clang-tidy
              # doesn't know the option, and reads the commands of another preset.
              $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>
)

if(NARTHEX_SANITIZE)
    target_compile_options(narthex_quick_flags INTERFACE -O0)
    if(NARTHEX_SANITIZE MATCHES "undefined")
        target_compile_options(
            narthex_quick_flags INTERFACE -fno-sanitize=null,alignment,object-size,vptr
        )
    endif()
    target_compile_options(
        narthex_library_flags INTERFACE -fsanitize=${NARTHEX_SANITIZE} -fno-sanitize-recover=all
                                        -fno-omit-frame-pointer
    )
    target_link_options(narthex_library_flags INTERFACE -fsanitize=${NARTHEX_SANITIZE})
    if(NARTHEX_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ 12's shared libubsan, beside libasan, ignores log_path; the static one doesn't.
        target_link_options(narthex_library_flags INTERFACE -static-libubsan)
    endif()
else()
    target_compile_options(narthex_library_flags INTERFACE -fstack-protector-strong)
endif()
