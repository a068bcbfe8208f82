#include "narthex/app/commands.hpp"

int main(int argc, char** argv) {
    return narthex::app::run(argc, argv);
}
