
/// Counts what became of an invocation: of `records`, `failures` were not worked off. Call it once an invocation.
///
/// One line in `CloudWatch`'s embedded metric format, which releases are judged by (crabwalk's docs/signals.md); for
/// Lambda itself an invocation that says what failed is a success. Nothing is counted of a call without an alias.
pub fn outcomes(context: &<<runtime>>::Context, records: usize, failures: usize) {
    let mut parts = context.invoked_function_arn.splitn(8, ':').skip(6); // arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS
    let (Some(function), Some(alias)) = (parts.next(), parts.next()) else { return };
    if records == 0 || alias.starts_with('$') || alias.bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    let version = &context.env_config.version;
    let stamp = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    println!(
        "{{\"_aws\":{{\"Timestamp\":{stamp},\"CloudWatchMetrics\":[{{\"Namespace\":\"crabwalk\",\
         \"Dimensions\":[[\"FunctionName\",\"Resource\",\"ExecutedVersion\"]],\"Metrics\":[\
         {{\"Name\":\"Requests\",\"Unit\":\"Count\"}},{{\"Name\":\"Failures\",\"Unit\":\"Count\"}}]}}]}},\
         \"FunctionName\":\"{function}\",\"Resource\":\"{function}:{alias}\",\"ExecutedVersion\":\"{version}\",\
         \"Requests\":{records},\"Failures\":{failures}}}"
    );
}
