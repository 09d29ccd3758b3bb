use std::process::ExitCode;

fn main() -> ExitCode {
    petal_cli::main()
}
