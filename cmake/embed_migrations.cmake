# cmake -DFILES=0001_x.sql;... -DOUT=DIR -P: writes DIR/migrations.cpp.
string(CONCAT cpp "// Generated from migrations/*.sql.\n#include \"narthex/db/migrate.hpp\"\n\n"
        "namespace narthex::db {\n\nnamespace {\nconst Migration k_migrations[] = {\n")
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WE)
    string(REGEX MATCH "^[0-9]+" digits ${name})
    string(REGEX REPLACE "^0+" "" version ${digits})
    file(READ ${file} text)
    string(APPEND cpp "    {${version}, \"${name}\", R\"sql(${text})sql\"},\n")
endforeach()
string(APPEND cpp "};\n}  // namespace\n\n"
              "std::span<const Migration> embedded_migrations() { return k_migrations; }\n\n"
              "}  // namespace narthex::db\n")
file(WRITE ${OUT}/migrations.cpp "${cpp}")
