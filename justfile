# Recipes for `just` (https://just.systems). Each is one cargo command: without just, type what stands here.

# List the recipes.
default:
    @just --list

# Start an engine, send it sample bid requests and a few seconds of load; leaves nothing behind.
demo *args:
    cargo run --release --locked -- demo {{args}}

# Run the quick tests.
test *args:
    cargo test --workspace {{args}}

# Check everything, as CI does.
check:
    .ci/run

# Format the code.
fmt:
    cargo fmt --all

# Measure the hot path, then everything that has a goal beside its floor or peer.
bench *args:
    cargo bench --locked -p bench-micro
    cargo run --release --locked -p bench -- report {{args}}

# Compare tree models with the libraries that serve them; the first time takes long.
bench-trees *args:
    bench/peers/setup
    cargo run --release --locked -p bench-trees --features hessboost -- {{args}}
