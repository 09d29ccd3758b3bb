//! `petal serve`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use petal_serve::{Served, Settings, router, serve};
use tokio::net::TcpListener;

use crate::args::Serve;
use crate::terminal::{answer, say};
use crate::{Failure, Outcome, SUCCESS, model_file, run_folder};

pub fn run(args: &Serve) -> Outcome {
    let _ = log::set_logger(&Lines);
    log::set_max_level(if args.quiet { log::LevelFilter::Warn } else { log::LevelFilter::Info });
    let models = args.models.iter().map(|model| open(model, args)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = models.iter().map(|model| model.name().to_owned()).collect();
    let settings = Settings {
        batch_size: args.batch_size,
        batch_delay: Duration::from_millis(args.batch_delay_ms),
        queue: args.queue,
        body: args.max_body_mb * 1_000_000,
        bodies: (args.max_body_mb * 1_000_000).max(Settings::default().bodies),
        connections: args.connections,
        token: args.token.clone(),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start threads: {error}; end other programs"))?;
    runtime.block_on(async {
        let address = SocketAddr::new(args.host, args.port);
        let listener = TcpListener::bind(address).await.map_err(|error| no_address(address, &error))?;
        let router = router(models, &settings)?;
        let address = listener.local_addr()?;
        answer!("Serving {} at http://{address}, until Ctrl-C", names.join(", "))?;
        if !args.host.is_loopback() && args.token.is_none() {
            say!("warning: whoever reaches this machine can use it; --token asks for a secret");
        }
        let end = end()?;
        serve(listener, router, &settings, end).await;
        Ok::<(), Failure>(())
    })?;
    say!("Ended.");
    Ok(SUCCESS)
}

/// `NAME=MODEL`, or a model by the name of its run or file.
fn open(model: &str, args: &Serve) -> Result<Served, Failure> {
    let (name, path) = match model.split_once('=') {
        Some((name, path)) if !Path::new(model).exists() => (name.to_owned(), Path::new(path)),
        _ => (run_folder::name_of(Path::new(model)), Path::new(model)),
    };
    let mut model = model_file::open(path, &args.unsaid)?;
    model_file::name_classes(&mut model)?;
    let unknown_below = model_file::unknown_below(path, &model, args.unknown)?;
    let served = Served::new(name, model)?.views(args.tta);
    Ok(match unknown_below {
        Some(familiarity) => served.unknown_below(familiarity),
        None => served,
    })
}

fn no_address(address: SocketAddr, error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; choose another --port, or 0 for a free one"
        }
        io::ErrorKind::PermissionDenied => "the system doesn't allow it; choose a --port from 1024 on",
        io::ErrorKind::AddrNotAvailable => "it is no address of this machine; 0.0.0.0 stands for all of them",
        _ => "choose another --host or --port",
    };
    format!("cannot listen at {address}: {error}; {what}")
}

/// Ends with Ctrl-C or SIGTERM.
#[cfg(unix)]
fn end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        say!("Answering the requests that have begun …");
    })
}

#[cfg(not(unix))]
fn end() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
        say!("Answering the requests that have begun …");
    })
}

/// The server's log on stderr.
struct Lines;

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("petal_serve")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            say!("{}", record.args());
        }
    }

    fn flush(&self) {}
}
