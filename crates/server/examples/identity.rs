//! Tells who the profile of the environment is, through the AWS SDK for Rust: one of the clients that sign in to the
//! portal in `tests/clients/browser`.

use aws_config::BehaviorVersion;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
        match aws_sdk_sts::Client::new(&config).get_caller_identity().send().await {
            Ok(identity) => println!("{}", identity.arn().unwrap_or_default()),
            Err(error) => {
                eprintln!("{}", aws_sdk_sts::error::DisplayErrorContext(&error));
                std::process::exit(1);
            }
        }
    });
}
