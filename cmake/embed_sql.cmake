# cmake -DFILES=a.sql;b.sql -DOUT=DIR -P: writes DIR/sql.hpp and DIR/sql.cpp.
string(CONCAT hpp "// Generated from sql/*.sql.\n#pragma once\n\n#include <span>\n\n"
        "#include \"narthex/db/statement.hpp\"\n\nnamespace narthex::db::sql {\n\n")
string(CONCAT cpp "// Generated from sql/*.sql.\n#include \"narthex/db/sql.hpp\"\n\n"
        "namespace narthex::db::sql {\n\n")
set(all "")
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND hpp "extern const Statement ${name};\n")
    string(APPEND cpp "const Statement ${name}{\"${name}\", R\"sql(${text})sql\"};\n")
    string(APPEND all "    &${name},\n")
endforeach()
string(APPEND hpp "\n// Every statement, for the test that prepares them all.\n"
              "std::span<const Statement* const> all();\n\n}  // namespace narthex::db::sql\n")
string(APPEND cpp "\nnamespace {\nconst Statement* const k_all[] = {\n${all}};\n}  // namespace\n\n"
              "std::span<const Statement* const> all() { return k_all; }\n\n"
              "}  // namespace narthex::db::sql\n")
file(WRITE ${OUT}/sql.hpp "${hpp}")
file(WRITE ${OUT}/sql.cpp "${cpp}")
