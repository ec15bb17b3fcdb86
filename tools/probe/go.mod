module practicum.example/tools/probe

go 1.24.0
