module practicum.example/tools/pause

go 1.24.0
