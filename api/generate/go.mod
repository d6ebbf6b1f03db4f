module adit.dev/api/generate

go 1.26
