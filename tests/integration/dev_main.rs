//! A function without dependencies: speaks to the Runtime API by hand and answers with its environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const NAMES: [&str; 8] = [
    "GREETING",
    "ENDPOINT",
    "RUST_LOG",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

fn call(request: &str) -> (Vec<String>, Vec<u8>) {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let (host, prefix) = api.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = request.replacen(" /", &format!(" /{prefix}/"), 1);
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        headers.push(line.trim().to_lowercase());
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body).unwrap();
    (headers, body)
}

fn main() {
    loop {
        let close = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        let (headers, _) = call(&format!("GET /2018-06-01/runtime/invocation/next {close}\r\n"));
        let id = headers.iter().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap();
        let variable = |name: &&str| format!("{name:?}: {:?}", std::env::var(name).unwrap_or_default());
        let values: Vec<String> = NAMES.iter().map(variable).collect();
        let answer = format!("{{{}}}", values.join(", "));
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        call(&format!("POST {path} {close}Content-Length: {}\r\n\r\n{answer}", answer.len()));
    }
}
