#!/usr/bin/env bash
# Generates Sources/StarlingSchema/Generated from the .proto files beside this script. Run it after changing one of
# them and commit the result.
#
# Needs: protoc 3.15 or later (Debian: protobuf-compiler), python3 with pip (for the google/api protos), Swift.
# Environment:
#   PROTOC_GEN_SWIFT  an executable protoc-gen-swift. Built from this package's swift-protobuf when not set.
#   GOOGLEAPIS        a folder that holds google/api/annotations.proto. Fetched from PyPI when not set.
set -euo pipefail

protos="$(cd "$(dirname "$0")" && pwd)"
package="$(cd "$protos/../../.." && pwd)"
generated="$package/Sources/StarlingSchema/Generated"
googleapis_version=1.76.0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

plugin="${PROTOC_GEN_SWIFT:-}"
if [[ -z "$plugin" ]]; then
    swift build --package-path "$package" -c release --product protoc-gen-swift >&2
    plugin="$(swift build --package-path "$package" -c release --show-bin-path)/protoc-gen-swift"
fi

googleapis="${GOOGLEAPIS:-}"
if [[ -z "$googleapis" ]]; then
    googleapis="$work/googleapis"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
        --target "$googleapis" "googleapis-common-protos==$googleapis_version"
fi

cd "$protos"
mapfile -t own < <(find starling -name '*.proto' | LC_ALL=C sort)

mkdir -p "$work/swift"
protoc \
    --plugin="protoc-gen-swift=$plugin" \
    --proto_path="$protos" --proto_path="$googleapis" \
    --swift_opt=Visibility=Public --swift_opt=FileNaming=DropPath \
    --swift_out="$work/swift" \
    google/api/http.proto google/api/annotations.proto "${own[@]}"

# Only the files whose messages are used at run time: what the options are made of is compiled into Swift above.
protoc \
    --proto_path="$protos" --proto_path="$googleapis" \
    --include_source_info --descriptor_set_out="$work/descriptors.bin" \
    google/protobuf/timestamp.proto "${own[@]}"

{
    printf '// swift-format-ignore-file\n'
    printf '// DO NOT EDIT. Written by Protos/generate.sh.\n\n'
    printf '/// The compiled .proto files with their comments: a `google.protobuf.FileDescriptorSet` in base64.\n'
    printf 'let embeddedDescriptorSet = """\n'
    base64 -w 112 "$work/descriptors.bin" | sed -e 's/^/    /' -e 's/$/\\/' -e '$ s/\\$//'
    printf '    """\n'
} > "$work/swift/DescriptorSet.swift"

for file in "$work"/swift/*.swift; do
    head -n 3 "$file" | grep -q '^// swift-format-ignore-file$' || sed -i '1i // swift-format-ignore-file' "$file"
done

rm -rf "$generated"
mkdir -p "$generated"
mv "$work"/swift/*.swift "$generated/"
printf 'wrote %s files to %s\n' "$(find "$generated" -type f | wc -l)" "$generated" >&2
