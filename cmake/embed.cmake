# Turns sql/*.sql and migrations/*.sql into C++ at build time.

set(generated_dir ${CMAKE_BINARY_DIR}/generated/narthex/db)

# One `extern const Statement <file name>;` for each sql/<file name>.sql, in narthex/db/sql.hpp.
function(narthex_embed_sql out)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sql/*.sql)
    add_custom_command(
        OUTPUT ${generated_dir}/sql.hpp ${generated_dir}/sql.cpp
        COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DOUT=${generated_dir}
                -P ${CMAKE_SOURCE_DIR}/cmake/embed_sql.cmake
        DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_sql.cmake
        VERBATIM
    )
    set(${out} ${generated_dir}/sql.hpp ${generated_dir}/sql.cpp PARENT_SCOPE)
endfunction()

# The table behind embedded_migrations() (narthex/db/migrate.hpp).
function(narthex_embed_migrations out)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/migrations/*.sql)
    add_custom_command(
        OUTPUT ${generated_dir}/migrations.cpp
        COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DOUT=${generated_dir}
                -P ${CMAKE_SOURCE_DIR}/cmake/embed_migrations.cmake
        DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_migrations.cmake
        VERBATIM
    )
    set(${out} ${generated_dir}/migrations.cpp PARENT_SCOPE)
endfunction()
