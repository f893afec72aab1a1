//! Runs, from the command line through the functions to a task and back.

use crate::world::World;

#[test]
fn a_command_runs_and_its_output_and_exit_code_come_back() {
    let world = World::shared();
    let said = world.admin.run(&["run", "echo out; echo err >&2; exit 3"]);
    assert_eq!((said.code, said.out.as_str()), (3, "out\n"), "{said:#?}");
    assert!(said.err.contains("err\n"), "{said:#?}");
}
