# narthex_library_flags: what everything we compile is built with (sanitizers, hardening).
# narthex_flags: that, and the warnings for our own code. Libraries come in as SYSTEM, without them.
# narthex_quick_flags: linked last by what takes long to compile, for headers of libraries, and next to no
# time to run: with sanitizers, not optimised. The command line's and the tests' own code.
# With sanitizers, only core (parsers, most of all) has the checks of each pointer: the address sanitizer sees most
# of that as well, and they are a third of the time to compile.

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
    target_compile_options(
        narthex_library_flags INTERFACE -fsanitize=${NARTHEX_SANITIZE} -fno-sanitize-recover=all
                                        -fno-omit-frame-pointer
    )
    if(NARTHEX_SANITIZE MATCHES "undefined" AND NOT NARTHEX_FUZZ)
        set(is_core $<STREQUAL:$<TARGET_PROPERTY:NAME>,narthex_core>)
        target_compile_options(
            narthex_library_flags
            INTERFACE $<$<NOT:${is_core}>:-fno-sanitize=null,alignment,object-size,vptr>
        )
    endif()
    target_link_options(narthex_library_flags INTERFACE -fsanitize=${NARTHEX_SANITIZE})
    if(NARTHEX_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ 12's shared libubsan, beside libasan, ignores log_path; the static one doesn't.
        target_link_options(narthex_library_flags INTERFACE -static-libubsan)
    endif()
else()
    target_compile_options(narthex_library_flags INTERFACE -fstack-protector-strong)
endif()
